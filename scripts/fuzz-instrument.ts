/** Puts counters into the modules that a fuzzing run looks at: at every function, branch and condition. */
import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import type { Plugin } from "esbuild";
import ts from "typescript";

/** The code that counts, for the top of a bundle. Its counters are `Counters` in test/fuzz/engine/coverage.ts. */
export const COUNTING = `(() => {
  const counters = { counts: new Uint8Array(65536), touched: [], before: 0 };
  globalThis.cmd2hostCounters = counters;
  globalThis.cmd2hostHit = (place) => {
    const at = (place ^ counters.before) & 0xffff;
    const count = counters.counts[at];
    if (count === 0) counters.touched.push(at);
    if (count < 255) counters.counts[at] = count + 1;
    counters.before = place >> 1;
  };
  globalThis.cmd2hostBranch = (place, value) => {
    cmd2hostHit(value ? place : place ^ 0x5bd1);
    return value;
  };
})();`;

const { factory } = ts;
const LOGICAL = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

/** A number for a place in the code, the same in every run. */
function placeOf(name: string, position: number): number {
  let hash = 0x811c9dc5;
  for (const character of `${name}:${position}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return (hash ^ (hash >>> 16)) & 0xffff;
}

class Instrumenting {
  readonly #name: string;
  readonly #context: ts.TransformationContext;

  constructor(name: string, context: ts.TransformationContext) {
    this.#name = name;
    this.#context = context;
  }

  readonly visit = (node: ts.Node): ts.Node => this.#changed(ts.visitEachChild(node, this.visit, this.#context));

  #changed(node: ts.Node): ts.Node {
    const at = Math.max(0, ts.getOriginalNode(node).pos);
    if (ts.isIfStatement(node))
      return factory.updateIfStatement(node, this.#branch(node.expression, at), node.thenStatement, node.elseStatement);
    if (ts.isConditionalExpression(node))
      return factory.updateConditionalExpression(
        node,
        this.#branch(node.condition, at),
        node.questionToken,
        node.whenTrue,
        node.colonToken,
        node.whenFalse,
      );
    if (ts.isWhileStatement(node))
      return factory.updateWhileStatement(node, this.#branch(node.expression, at), node.statement);
    if (ts.isForStatement(node) && node.condition !== undefined)
      return factory.updateForStatement(
        node,
        node.initializer,
        this.#branch(node.condition, at),
        node.incrementor,
        node.statement,
      );
    if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind))
      return factory.updateBinaryExpression(node, this.#branch(node.left, at), node.operatorToken, node.right);
    if (ts.isCaseClause(node))
      return factory.updateCaseClause(node, node.expression, [this.#hit(at), ...node.statements]);
    if (ts.isDefaultClause(node)) return factory.updateDefaultClause(node, [this.#hit(at), ...node.statements]);
    if (ts.isBlock(node)) return factory.updateBlock(node, [this.#hit(at), ...node.statements]);
    return node;
  }

  #branch(condition: ts.Expression, at: number): ts.Expression {
    return this.#call("cmd2hostBranch", [factory.createNumericLiteral(placeOf(this.#name, at)), condition]);
  }

  #hit(at: number): ts.Statement {
    const place = factory.createNumericLiteral(placeOf(this.#name, at));
    return factory.createExpressionStatement(this.#call("cmd2hostHit", [place]));
  }

  #call(name: string, args: readonly ts.Expression[]): ts.Expression {
    return factory.createCallExpression(factory.createIdentifier(name), undefined, args);
  }
}

/** TypeScript with counters; `name` tells the places of this module from those of others. */
export function instrumented(source: string, name: string): string {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.ES2023, true);
  const { transformed } = ts.transform(file, [
    (context) => (root) => ts.visitEachChild(root, new Instrumenting(name, context).visit, context),
  ]);
  return transformed.map((one) => ts.createPrinter().printFile(one)).join("");
}

const MAX_TOKEN = 40;

/** The texts that stand in a module, which inputs are likely to need. */
export function textsIn(source: string): readonly string[] {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isStringLiteralLike(node) && node.text !== "" && node.text.length <= MAX_TOKEN) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("module.ts", source, ts.ScriptTarget.ES2023, true));
  return [...found];
}

/** Instruments the modules below `root` whose paths begin with one of `modules`; tells each module that it did. */
export function instrumenting(root: string, modules: readonly string[], told: (source: string) => void): Plugin {
  return {
    name: "counters",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const name = relative(root, path).split(sep).join("/");
        if (!modules.some((module) => name.startsWith(module))) return undefined;
        const source = readFileSync(path, "utf8");
        told(source);
        return { contents: instrumented(source, name), loader: "ts" };
      });
    },
  };
}
