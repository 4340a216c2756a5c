import { readFileSync, existsSync, lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { git } from "../fixtures/repo.ts";
import { ROUTES, type Ask, type Came, type RouteName } from "./routes.ts";
import { MANY_LINES, SESSIONS, type RouteScene } from "./routes-scene.ts";

/** What must come out the same whichever way it is asked for. */
export interface Scenario {
  readonly title: string;
  /** What is asked; `route` makes names that do not meet each other. */
  readonly ask: (route: RouteName) => Ask;
  readonly outcome: "completed" | "denied" | "failed";
  readonly exitCode: number;
  readonly code?: string;
  readonly signal?: string;
  /** As latin1. Undefined says nothing about it. */
  readonly stdout?: string;
  readonly stderr?: string;
  /** Bytes that the program wrote, where that is not what is shown. */
  readonly totals?: { readonly stdout?: number; readonly stderr?: number };
  readonly filtered?: string;
  /** Makes texts of different runs the same. */
  readonly same?: (text: string) => string;
  /** With one of these the routes go one after the other. */
  readonly before?: (scene: RouteScene, route: RouteName) => void;
  readonly after?: (scene: RouteScene, route: RouteName, came: Came) => void;
}

const EVERY_BYTE = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
const LINES = `${Array.from({ length: MANY_LINES }, (_, index) => String(index + 1)).join("\n")}\n`;

function plain(operation: string, rest: Partial<Ask> = {}): (route: RouteName) => Ask {
  return () => ({ operation, ...rest });
}

function exits(code: number): Scenario {
  return {
    title: `exit code ${code}`,
    ask: plain("exit_with", { params: { code: String(code) } }),
    outcome: "completed",
    exitCode: code,
    stdout: "",
    stderr: "bye\n",
  };
}

function dies(name: string, exitCode: number): Scenario {
  return {
    title: `a program that dies of ${name}`,
    ask: plain("die", { params: { name } }),
    outcome: "completed",
    exitCode,
    signal: `SIG${name}`,
    stdout: "last words\n",
    stderr: "last cry\n",
  };
}

function says(title: string, operation: string, stdout: string, stderr = "", exitCode = 0): Scenario {
  return { title, ask: plain(operation), outcome: "completed", exitCode, stdout, stderr };
}

function denied(title: string, code: string, operation: string, rest: Partial<Ask> = {}): Scenario {
  const ask = plain(operation, rest);
  return { title, ask, outcome: "denied", code, exitCode: 1, stdout: "", stderr: "" };
}

function unstartable(title: string, code: string, exitCode: number, operation: string, params = {}): Scenario {
  const ask = plain(operation, { params });
  return { title, ask, outcome: "failed", code, exitCode, stdout: "", stderr: "" };
}

function late(title: string, operation: string, timeoutSeconds?: number): Scenario {
  return {
    title,
    ask: plain(operation, timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    outcome: "failed",
    code: "timed_out",
    exitCode: 124,
    stdout: "so far\n",
    stderr: "so bad\n",
  };
}

const ENDINGS: readonly Scenario[] = [
  ...[0, 1, 7, 255].map(exits),
  dies("TERM", 143),
  dies("KILL", 137),
  dies("SEGV", 139),
];

const STREAMS: readonly Scenario[] = [
  says("both streams", "both", "to stdout\n", "to stderr\n"),
  says("not a byte", "nothing", ""),
  says("no line end at the end", "no_line_end", "no line end", "none here either"),
  says("every byte that there is", "every_byte", EVERY_BYTE),
  says("every byte that there is, in the error stream of a failure", "every_byte_err", "", EVERY_BYTE, 3),
  says("NULs", "nuls", "a\0b\0\0\n"),
  says("bytes that are no UTF-8", "lone_bytes", "caf\xe9 \xff\n", "\xc0"),
  says("half a character", "half_character", "\xe3\x81"),
  says("a megabyte of lines", "lines", LINES),
];

const CUTS: readonly Scenario[] = [
  {
    ...says("standard output beyond the operation's limit", "cut_stdout", "0123", "kept"),
    totals: { stdout: 10 },
  },
  {
    ...says("standard error beyond the operation's limit", "cut_stderr", "kept", "0123"),
    totals: { stderr: 14 },
  },
  {
    ...says("both beyond the limits, of a failure", "cut_both", "0", "ab", 9),
    totals: { stdout: 10, stderr: 10 },
  },
  says("exactly the limit", "cut_nowhere", "0123", "0123"),
];

const DENIALS: readonly Scenario[] = [
  denied("an operation that there is not", "operation_unknown", "no_such_operation"),
  denied("an operation that is not allowed", "operation_not_allowed", "forbidden"),
  denied("a parameter of the wrong type", "param_invalid", "word", { params: { word: 5 } }),
  denied("a parameter that breaks its pattern", "param_invalid", "word", { params: { word: "A\u001b[31m" } }),
  denied("a parameter that there is not", "param_unknown", "word", { params: { word: "a", other: "b" } }),
  denied("a parameter that is missing", "param_missing", "word"),
  denied("a flag that is not allowed", "flag_not_allowed", "word", { params: { word: "a" }, flags: ["--evil"] }),
  denied("a branch that may not be pushed to", "branch_denied", "git_push", { params: { branch: "main" } }),
  denied("a path that leaves the workspace", "path_denied", "path", { params: { path: "../x" } }),
  denied("a path that the project denies", "path_denied", "path", { params: { path: "secret/key" } }),
  denied("an output path that leaves the workspace", "workspace_path_invalid", "write", {
    params: { file: "../x", code: "0" },
  }),
  denied("a repository that is none of the project's", "target_not_allowed", "both", { targetRepo: "evil/repo" }),
  denied("no repository where there are several", "target_required", "both", { token: SESSIONS.several }),
  denied("a workspace with another origin", "origin_mismatch", "both", { token: SESSIONS.elsewhere }),
  denied("a token that nobody minted", "unauthenticated", "both", { token: SESSIONS.nobody }),
  denied("a token that is bound to nothing", "token_unbound", "both", { token: SESSIONS.unbound }),
  denied("a token of a project that is gone", "project_unknown", "both", { token: SESSIONS.projectless }),
  denied("a configuration that nobody approved", "config_not_allowed", "both", { token: SESSIONS.unapproved }),
  denied("a configuration that does not load", "config_invalid", "both", { token: SESSIONS.broken }),
  denied("no standard input where it is needed", "stdin_required", "wants_stdin"),
  denied("git that the host does not do", "git_ref_invalid", "git_push", { params: { branch: "ai/none" } }),
];

const UNSTARTABLE: readonly Scenario[] = [
  unstartable("a program that is not there", "command_not_found", 127, "missing"),
  unstartable("a file that is not executable", "command_not_found", 127, "plain_file"),
  unstartable("a script without its interpreter", "command_not_found", 127, "lost_interpreter"),
  unstartable("a program that lies in the workspace", "command_untrusted", 127, "inside"),
  unstartable("an argument that the system does not take", "spawn_failed", 1, "large", { text: "x".repeat(200_000) }),
];

const TIMES: readonly Scenario[] = [
  late("the operation's own time limit", "slow"),
  late("a shorter limit than the operation's", "patient", 1),
  late("a longer limit than the operation's, which does not count", "slow", 50),
];

/** A name for what one route makes; all are of the same length, so that totals can be compared. */
const own = (route: RouteName): string => `by-${ROUTES.indexOf(route)}`;
const written = (route: RouteName): string => `out/${own(route)}`;
const anyOne = (text: string): string => text.replace(/\b[0-9a-f]{7,40}\b/g, "COMMIT").replace(/\bby-\d/g, "by-N");

const FILES: readonly Scenario[] = [
  {
    title: "a file that the program wrote, which comes into the workspace",
    ask: (route) => ({ operation: "write", params: { file: `${written(route)}/whole`, code: "0" } }),
    outcome: "completed",
    exitCode: 0,
    stdout: "",
    stderr: "",
    after: ({ repo }, route) => {
      expect(readFileSync(join(repo, written(route), "whole"), "utf8")).toBe("content");
    },
  },
  {
    title: "a file of a program that failed, which does not",
    ask: (route) => ({ operation: "write", params: { file: `${written(route)}/failed`, code: "4" } }),
    outcome: "completed",
    exitCode: 4,
    after: ({ repo }, route) => {
      expect(existsSync(join(repo, written(route), "failed"))).toBe(false);
    },
  },
  {
    title: "a link in place of a file, which does not come either",
    ask: (route) => ({ operation: "write_link", params: { file: `${written(route)}/link` } }),
    outcome: "failed",
    code: "output_finalize_failed",
    exitCode: 1,
    same: anyOne,
    after: ({ repo }, route) => {
      expect(lstatSync(join(repo, written(route), "link"), { throwIfNoEntry: false })).toBeUndefined();
    },
  },
  {
    title: "a larger file than the operation allows",
    ask: (route) => ({ operation: "write_much", params: { file: `${written(route)}/much` } }),
    outcome: "failed",
    code: "output_too_large",
    exitCode: 1,
    same: anyOne,
    after: ({ repo }, route) => {
      expect(existsSync(join(repo, written(route), "much"))).toBe(false);
    },
  },
];

/** They change one workspace, so their order counts; each route does what the others did before it. */
const GIT: readonly Scenario[] = [
  says("git status", "git_status", "## main\n"),
  says("git log", "git_log", "first commit\n"),
  {
    title: "git add of a file that is there",
    ask: (route) => ({ operation: "git_add", params: { name: `new-${own(route)}` } }),
    outcome: "completed",
    exitCode: 0,
    stdout: "",
    stderr: "",
    before: ({ repo }, route) => {
      writeFileSync(join(repo, `new-${own(route)}`), route);
    },
    after: ({ repo }, route) => {
      expect(git(repo, "status", "--short", `new-${own(route)}`)).toBe(`A  new-${own(route)}\n`);
      git(repo, "rm", "-q", "-f", `new-${own(route)}`);
    },
  },
  {
    title: "git commit",
    ask: (route) => ({ operation: "git_commit", params: { text: own(route) } }),
    outcome: "completed",
    exitCode: 0,
    stderr: "",
    same: anyOne,
    before: ({ repo }, route) => {
      writeFileSync(join(repo, `new-${own(route)}`), "x\n");
      git(repo, "add", `new-${own(route)}`);
    },
    after: ({ repo }, route) => {
      expect(git(repo, "log", "-1", "--format=%s %an")).toBe(`${own(route)} Owner\n`);
      git(repo, "reset", "-q", "--hard", "HEAD^");
    },
  },
  {
    title: "git commit of nothing",
    ask: plain("git_commit", { params: { text: "empty" } }),
    outcome: "completed",
    exitCode: 1,
    stderr: "",
  },
  {
    title: "git show of a branch that is not there",
    ask: plain("git_show", { params: { branch: "nowhere" } }),
    outcome: "completed",
    exitCode: 128,
    stdout: "",
  },
  {
    title: "git push",
    ask: (route) => ({ operation: "git_push", params: { branch: `ai/${own(route)}` } }),
    outcome: "completed",
    exitCode: 0,
    stdout: "",
    same: anyOne,
    before: ({ repo }, route) => {
      git(repo, "branch", "-f", `ai/${own(route)}`);
    },
    after: ({ repo, remote }, route) => {
      expect(git(remote, "rev-parse", `refs/heads/ai/${own(route)}`)).toBe(git(repo, "rev-parse", "main"));
    },
  },
  {
    title: "git push that the remote refuses",
    ask: (route) => ({ operation: "git_push", params: { branch: `ai/${own(route)}` } }),
    outcome: "completed",
    exitCode: 1,
    stdout: "",
    same: anyOne,
    before: ({ repo, remote }, route) => {
      const tree = git(remote, "rev-parse", `ai/${own(route)}^{tree}`).trim();
      const other = git(remote, "commit-tree", "-m", "another", tree).trim();
      git(remote, "update-ref", `refs/heads/ai/${own(route)}`, other);
      git(repo, "branch", "-f", `ai/${own(route)}`);
    },
  },
];

const FILTERS: readonly Scenario[] = [
  {
    title: "a filter of terminal escapes",
    ask: plain("coloured", { filtered: true }),
    outcome: "completed",
    exitCode: 0,
    stdout: "\u001b[31mred\u001b[0m\nplain\n",
    stderr: "\u001b[1mraw\u001b[0m",
    filtered: "red\nplain\n",
  },
  {
    title: "a filter of a program that fails, which is not applied",
    ask: plain("coloured_failure", { filtered: true }),
    outcome: "completed",
    exitCode: 2,
    stdout: "\u001b[31mred\u001b[0m\n",
  },
  {
    title: "a filter of JSON",
    ask: plain("fields", { filtered: true }),
    outcome: "completed",
    exitCode: 0,
    stdout: '{"keep":1,"drop":"x"}\n',
    same: (text) => text.replace(/\{"keep":1\}\n?$/, "KEPT"),
  },
  {
    title: "a filter of lines",
    ask: plain("middle", { filtered: true }),
    outcome: "completed",
    exitCode: 0,
    stdout: "1\n2\n3\n4\n5\n6\n",
  },
];

export const SCENARIOS: readonly Scenario[] = [
  ...ENDINGS,
  ...STREAMS,
  ...CUTS,
  ...DENIALS,
  ...UNSTARTABLE,
  ...TIMES,
  ...FILES,
  ...FILTERS,
  ...GIT,
];
