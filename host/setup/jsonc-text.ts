import {
  applyEdits,
  findNodeAtLocation,
  getNodeValue,
  modify,
  parseTree,
  type Node,
  type ParseError,
} from "jsonc-parser";
import { isDeepStrictEqual } from "node:util";

/** JSON with comments as a text that is changed here and there; everything else in it stays, byte for byte. */

/** The text is not what it has to be; the message says it without the file's name. */
export class JsoncError extends Error {}

export type Path = readonly (string | number)[];

const BOM = "\uFEFF";
/** What may stand behind a value on its line: block comments, the comma, block comments, a line comment. */
const TAIL =
  /^(?:[ \t]*\/\*(?:[^*]|\*(?!\/))*\*\/)*([ \t]*,)?(?:[ \t]*\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:[ \t]*\/\/[^\r\n]*)?/;

/** No such file comes near it, and code that follows every level would run out of its stack. */
const MAX_DEPTH = 100;

interface Layout {
  readonly unit: string;
  readonly eol: string;
}

/** A value made as JSON.parse makes it: the library's objects have no prototype, and -0 is no JSON; both compare as different. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function valueOf(node: Node | undefined): unknown {
  return node === undefined ? undefined : plain(getNodeValue(node));
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** The library's own functions take a level of the stack for each level of the text. */
function refuseDepth(root: Node): void {
  let level: readonly Node[] = [root];
  // A member is a level of its own between an object and its value.
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new JsoncError("is nested too deep");
    level = level.flatMap(({ children = [] }) => children);
  }
}

function tree(text: string): Node {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { allowTrailingComma: true });
  } catch (error) {
    if (error instanceof RangeError) throw new JsoncError("is nested too deep");
    throw error;
  }
  const [first] = errors;
  if (first !== undefined) throw new JsoncError(`line ${lineOf(text, first.offset)}: is not JSON with comments`);
  if (root?.type !== "object") throw new JsoncError("is not a JSON object");
  refuseDepth(root);
  return root;
}

/** Which of two members of the same name counts is decided differently by different readers. */
function refuseTwins(text: string, node: Node): void {
  const seen = new Set<string>();
  for (const { children: [key] = [] } of node.children ?? []) {
    const name = String(key?.value);
    if (seen.has(name))
      throw new JsoncError(`line ${lineOf(text, key?.offset ?? 0)}: has ${JSON.stringify(name)} twice`);
    seen.add(name);
  }
}

function layoutOf(text: string): Layout {
  const [, unit = "  "] = /\n([ \t]+)\S/.exec(text) ?? [];
  return { unit: unit.startsWith("\t") ? "\t" : unit.slice(0, 8), eol: text.includes("\r\n") ? "\r\n" : "\n" };
}

function indentOf(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? "";
}

function rendered(value: unknown, indent: string, { unit, eol }: Layout): string {
  return JSON.stringify(value, null, unit)
    .split("\n")
    .join(eol + indent);
}

/** Puts a value behind the last one of an object or array, and before the comments that follow on later lines. */
function append(text: string, node: Node, key: string | undefined, value: unknown): string {
  const layout = layoutOf(text);
  const { eol, unit } = layout;
  const end = node.offset + node.length - 1;
  const outer = indentOf(text, node.offset);
  const member = (indent: string): string =>
    (key === undefined ? "" : `${JSON.stringify(key)}: `) + rendered(value, indent, layout);
  const last = node.children?.at(-1);
  if (last === undefined) {
    const inside = text.slice(node.offset + 1, end).trimEnd();
    return `${text.slice(0, node.offset + 1)}${inside}${eol}${outer}${unit}${member(outer + unit)}${eol}${outer}${text.slice(end)}`;
  }
  const behind = last.offset + last.length;
  if (!text.slice(node.offset, end).includes("\n")) {
    const inline = (key === undefined ? "" : `${JSON.stringify(key)}: `) + JSON.stringify(value);
    return `${text.slice(0, behind)}, ${inline}${text.slice(behind)}`;
  }
  const [tail = "", comma] = TAIL.exec(text.slice(behind, end)) ?? [];
  const start = text.lastIndexOf("\n", last.offset - 1) + 1;
  const isFirst = /^[ \t]*$/.test(text.slice(start, last.offset));
  const indent = isFirst ? text.slice(start, last.offset) : outer + unit;
  const place = behind + tail.length;
  const added = eol + indent + member(indent);
  return comma === undefined
    ? `${text.slice(0, behind)},${tail}${added}${text.slice(place)}`
    : `${text.slice(0, place)}${added},${text.slice(place)}`;
}

/** A text of JSON with comments, after some changes. */
export class JsoncText {
  readonly #bom: string;
  #text: string;

  /** @throws JsoncError */
  constructor(text: string) {
    this.#bom = text.startsWith(BOM) ? BOM : "";
    this.#text = text.slice(this.#bom.length);
    refuseTwins(this.#text, tree(this.#text));
  }

  toString(): string {
    return this.#bom + this.#text;
  }

  /** The value at a path, without comments; undefined when there is none. */
  get(path: Path): unknown {
    return valueOf(findNodeAtLocation(tree(this.#text), [...path]));
  }

  /** Sets a member of an object that is there, or of the whole. Nothing happens when it has this value already. */
  set(path: Path, value: unknown): void {
    if (isDeepStrictEqual(this.get(path), plain(value))) return;
    const [parentPath, key] = [path.slice(0, -1), path.at(-1)];
    const parent = findNodeAtLocation(tree(this.#text), [...parentPath]);
    if (parent?.type === "object" && typeof key === "string") {
      refuseTwins(this.#text, parent);
      if (!(parent.children ?? []).some(({ children: [name] = [] }) => name?.value === key)) {
        this.#become(append(this.#text, parent, key, value), path, value);
        return;
      }
    }
    this.#become(this.#modified(path, value), path, value);
  }

  /** Puts an element behind the last one of the array at a path, and makes the array when there is none. */
  push(path: Path, value: unknown): void {
    const node = findNodeAtLocation(tree(this.#text), [...path]);
    if (node === undefined) {
      this.set(path, [value]);
      return;
    }
    if (node.type !== "array") throw new JsoncError(`${JSON.stringify(path.join("."))} is not an array`);
    const index = node.children?.length ?? 0;
    this.#become(append(this.#text, node, undefined, value), [...path, index], value);
  }

  /** Removes a member or an element. */
  remove(path: Path): void {
    if (this.get(path) === undefined) return;
    this.#become(this.#modified(path, undefined), undefined, undefined);
  }

  #modified(path: Path, value: unknown): string {
    const { unit, eol } = layoutOf(this.#text);
    const formattingOptions = { insertSpaces: unit !== "\t", tabSize: unit === "\t" ? 4 : unit.length, eol };
    return applyEdits(this.#text, modify(this.#text, [...path], value, { formattingOptions }));
  }

  /** Takes the new text, once it says what was wanted. */
  #become(text: string, path: Path | undefined, value: unknown): void {
    const node = path === undefined ? undefined : findNodeAtLocation(tree(text), [...path]);
    tree(text);
    if (!isDeepStrictEqual(valueOf(node), plain(value)))
      throw new JsoncError("is written in a way that cannot be changed safely");
    this.#text = text;
  }
}
