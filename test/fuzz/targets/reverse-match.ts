import { readdirSync, readFileSync } from "node:fs";
import { CodedError } from "../../../wire/errors.ts";
import { argumentsOf, checkCall, type Asked } from "../../../host/operation/call.ts";
import { reverseMatch } from "../../../host/operation/reverse-match.ts";
import { compileProject } from "../../../host/project/compile.ts";
import { gitWords, pushOf } from "../../../host/project/push.ts";
import type { Project } from "../../../host/project/types.ts";
import { attempt, demand, type Target } from "../engine/target.ts";
import { AUTOMATIC, normalWords, PLACE, typedWords } from "./typed.ts";

/** A template of our own, with what the shipped ones do not have. */
const ODD = {
  repos: ["OWNER/REPO"],
  repo_paths: ["/path/to/repo"],
  allowed_operations: ["two", "twice", "numbers", "picked", "typed", "out"],
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

const MATCH_CODES = ["argv_no_match", "argv_ambiguous", "template_defect"];

/** What runs for a call; undefined when it is denied. */
function run(project: Project, asked: Asked): readonly string[] | undefined {
  const built = attempt(() => argumentsOf(project, checkCall(project, asked), PLACE));
  if (built.ok) return built.value;
  if (!(built.error instanceof CodedError)) throw built.error;
  return undefined;
}

/** Numbers are read in several forms and written in one. */
function sameWord(typed: string, built: string): boolean {
  if (typed === built) return true;
  const value = /-?(?:--x=)?([+-]?[0-9.]+)$/;
  const [one, other] = [value.exec(typed)?.[1], value.exec(built)?.[1]];
  return one !== undefined && other !== undefined && Number(one) === Number(other);
}

function checkMatch(project: Project, words: readonly string[], asked: Asked): void {
  const operation = project.operations.get(asked.operation);
  demand(operation !== undefined && project.allowed.includes(operation.id), "means what is not allowed", asked);
  const built = run(project, asked);
  if (built === undefined) return;
  const typed = typedWords(operation, built);
  const normal = normalWords(operation, words);
  const same = typed.length === normal.length && normal.every((word, index) => sameWord(word, typed[index] ?? ""));
  demand(same, "runs other words than were typed", { words, typed, asked });
  const again = reverseMatch(project, AUTOMATIC, [operation.command, ...typed]);
  demand(
    JSON.stringify(run(project, again)) === JSON.stringify(built),
    "means something else when it is typed as it runs",
    { words, typed, again },
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
