import { readdirSync, readFileSync } from "node:fs";
import { CodedError } from "../../../wire/errors.ts";
import { argumentsOf, checkCall, type Asked } from "../../../host/operation/call.ts";
import { reverseMatch } from "../../../host/operation/reverse-match.ts";
import { compileProject } from "../../../host/project/compile.ts";
import { gitWords, pushOf } from "../../../host/project/push.ts";
import type { Operation, Project } from "../../../host/project/types.ts";
import { attempt, demand, type Target } from "../engine/target.ts";
import { AUTOMATIC, PLACE } from "./typed.ts";

/** A template of our own, with what the shipped ones do not have. */
const ODD = {
  repos: ["OWNER/REPO"],
  repo_paths: ["/path/to/repo"],
  allowed_operations: ["two", "twice", "numbers", "picked", "typed", "out", "loose"],
  constraints: { branch_allow: ["main", "ai/.*"] },
  operations: {
    two: { command: "tool", args_template: ["x", "{a}-{b}"], params: { a: { type: "string" }, b: { type: "string" } } },
    twice: { command: "tool", args_template: ["y", "{a}:{a}", "{a}"], params: { a: { type: "string" } } },
    numbers: {
      command: "tool",
      args_template: ["n", "{i}", "--x={n}", "-{i}"],
      params: { i: { type: "integer", min: -5 }, n: { type: "number", min: -1.5 } },
    },
    picked: { command: "tool", args_template: ["e", "{p}"], params: { p: { type: "enum", enum: ["a", "-b", ""] } } },
    typed: {
      command: "tool",
      args_template: ["t", "{r}", "{u}", "{o}", "refs/heads/{b}"],
      params: { r: { type: "git_ref" }, u: { type: "url" }, o: { type: "owner_repo" }, b: { type: "git_branch" } },
      allowed_flags: ["--one", "--many", { flag: "--n", type: "integer", min: 0 }, "-s"],
      bool_flags: ["-s"],
      multi_value_flags: ["--many"],
    },
    loose: {
      command: "tool",
      args_template: ["l", "{a}", "--m", "{m}", "--method", "GET", "--no-v", "-f", "k={k}", "{z}", "--", "{w}"],
      params: {
        a: { type: "integer" },
        m: { type: "string", optional: true, allow_leading_dash: true },
        k: { type: "string" },
        z: { type: "string", optional: true },
        w: { type: "string", optional: true },
      },
      allowed_flags: ["--one", "--many", "-s", { flag: "-L", type: "integer" }],
      bool_flags: ["-s"],
      multi_value_flags: ["--many"],
    },
    out: {
      command: "tool",
      args_template: ["o", "{f}", "-C", "{repo_path}", "in={repo}"],
      params: { f: { type: "workspace_path", direction: "output" } },
    },
  },
};

const FOLDER = "templates";

/** The shipped templates, and one of our own behind them. */
export function projects(): readonly Project[] {
  const shipped = readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json") && !name.endsWith(".cases.json"))
    .sort()
    .map((name) => readFileSync(`${FOLDER}/${name}`));
  return [...shipped, Buffer.from(JSON.stringify(ODD))].map(
    (bytes) => compileProject("OWNER_REPO", bytes, "template").project,
  );
}

function seedsOf(): readonly string[] {
  const found: string[] = [];
  readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json") && !name.endsWith(".cases.json"))
    .sort()
    .forEach((name, index) => {
      const file = readFileSync(`${FOLDER}/${name.replace(".json", ".cases.json")}`, "utf8");
      const { cases } = JSON.parse(file) as { cases: readonly { request: { raw_argv?: readonly string[] } }[] };
      for (const { request } of cases.slice(0, 400))
        if (request.raw_argv !== undefined) found.push([String(index), ...request.raw_argv].join("\0"));
    });
  return found;
}

const MATCH_CODES = ["argv_no_match", "argv_ambiguous", "template_defect", "interactive_command"];

/** What runs for a call; undefined when it is denied. */
function run(project: Project, asked: Asked): readonly string[] | undefined {
  const built = attempt(() => argumentsOf(project, checkCall(project, asked), PLACE));
  if (built.ok) return built.value;
  if (!(built.error instanceof CodedError)) throw built.error;
  return undefined;
}

/** A number in the one form that it is written in; other words as they are. */
function plainNumber(word: string): string {
  return word.replace(/(?<=^|=|^-)[+-]?[0-9]+(?:\.[0-9]+)?$/, (digits) => String(Number(digits) + 0));
}

/** What is put in automatically, in every form in which it may also be typed. */
const TYPED_TOO = new Set([
  "-r",
  "--repo",
  "-c",
  "origin",
  ...[PLACE.repo, PLACE.url, PLACE.repoPath].map((text) => text.toLowerCase()),
]);

function isAutomaticPiece(piece: string): boolean {
  const text = piece.toLowerCase();
  return TYPED_TOO.has(text) || TYPED_TOO.has(text.replace(/^github\.com\//, ""));
}

/** The pieces that words are made of, without their order: an option and its value apart, however they were typed. */
function pieces(operation: Operation, words: readonly string[]): readonly string[] {
  return words
    .flatMap((word) => {
      const equals = word.startsWith("--") ? word.indexOf("=") : -1;
      if (equals > 0) return [word.slice(0, equals), word.slice(equals + 1)];
      const short = operation.flags.get(word.slice(0, 2));
      const isRepo = /^-R./.test(word) && short === undefined;
      const isAttached =
        isRepo || (short?.rule !== undefined && word.length > 2 && word[2] !== "=" && !word.startsWith("--"));
      return isAttached ? [word.slice(0, 2), word.slice(2).replace(/^=/, "")] : [word];
    })
    .filter((piece) => !isAutomaticPiece(piece))
    .map(plainNumber)
    .sort();
}

function checkMatch(project: Project, words: readonly string[], asked: Asked): void {
  const operation = project.operations.get(asked.operation);
  demand(operation !== undefined && project.allowed.includes(operation.id), "means what is not allowed", asked);
  const built = run(project, asked);
  if (built === undefined) return;
  const [typed, runs] = [pieces(operation, words), pieces(operation, built)];
  // An empty value of a parameter that may be missing leaves no trace when it is left out.
  demand(JSON.stringify(typed) === JSON.stringify(runs), "runs other words than were typed", { words, built, asked });
  const again = reverseMatch(project, AUTOMATIC, [operation.command, ...built]);
  demand(
    JSON.stringify(run(project, again)) === JSON.stringify(built),
    "means something else when it is typed as it runs",
    { words, built, again },
  );
  if (gitWords(operation.command, built)?.[0] !== "push") return;
  const push = pushOf(operation.command, built);
  demand(push.kind === "branches", "pushes where the policy cannot tell", push);
}

/** A typed command line, words between NULs, the number of a template first: what it is taken for runs exactly what was typed. */
export const reverse: Target = {
  name: "reverse-match",
  modules: ["host/operation/", "host/project/push.ts", "host/project/forms/", "host/project/template.ts"],
  tokens: [
    ...[
      "\0",
      "6\0tool\0x\0",
      "6\0tool\0t\0",
      "6\0tool\0n\0",
      "6\0tool\0o\0",
      "6\0tool\0l\0",
      "--m\0",
      "--method\0GET\0",
      "--no-v\0",
      "-f\0k=",
      "-L5",
      "-L\0",
      "--repo=OWNER/REPO",
      "--\0",
      "-R\0",
      "--one\0",
      "--many\0",
      "--n=",
      "--json=a,b",
    ],
    ...[
      "https://a.b/c",
      "o/r",
      "refs/heads/",
      "ai/fix:refs/heads/ai/fix",
      "repos/OWNER/REPO/pulls/",
      "body=",
      "--body\0",
      "+1",
      "-0",
      "1e3",
    ],
    ...["0.1", "007", "gh\0pr\0view\0", "git\0push\0", "{branch}", "{repo}", "$&", "\u0130", "file://x"],
  ],
  separator: "\0",
  seeds: [
    ...["6\0tool\0x\0a-b-c", "6\0tool\0y\0a:a\0a", "6\0tool\0n\x005\0--x=0.5\0-5", "6\0tool\0e\0-b"],
    "6\0tool\0t\0main\0https://a.b/c\0o/r\0refs/heads/x\0--many\0a\0b\0--one\0v\0--n=3\0-s",
    "6\0tool\0o\0out/file\0in=OWNER/REPO",
    "6\0tool\0l\x005\0--m\0t\0--method\0GET\0--no-v\0-f\0k=v\0z\0--\0w\0--one=x",
    "6\0tool\0l\0--one\0x\0-f\0k=v\x005\0-s\0--no-v\0-L5\0--method=GET\0--\0w",
    "5\0gh\0pr\0edit\0--repo=owner/repo\0--title\0x\x0012",
    "1\0git\0push\0--no-verify\0ai/fix:refs/heads/ai/fix",
    "1\0gh\0pr\0edit\x0012\0--body\0text\0--title\0x",
    ...seedsOf().slice(0, 150),
  ],
  maxBytes: 384,
  start: () => {
    const all = projects();
    return {
      check: (input) => {
        const [which = "", ...argv] = input.toString("utf8").split("\0");
        const project = all[Number.parseInt(which, 10) % all.length] ?? all.at(-1);
        demand(project !== undefined, "there are no templates");
        const match = attempt(() => reverseMatch(project, AUTOMATIC, argv));
        if (match.ok) {
          checkMatch(project, argv.slice(1), match.value);
          return;
        }
        if (!(match.error instanceof CodedError)) throw match.error;
        demand(MATCH_CODES.includes(match.error.code), "has another code", match.error.code);
        demand(match.error.message.length < 8_192, "a message without bound", match.error.message.length);
      },
    };
  },
};
