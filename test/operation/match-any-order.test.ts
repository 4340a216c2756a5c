import { describe, expect, it } from "vitest";
import { argumentsOf, checkCall } from "../../host/operation/call.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { textsBetween } from "../../host/operation/typed-inline.ts";
import { refuseTyped } from "../../host/operation/typed-refusals.ts";
import { typedRepo } from "../../host/operation/typed-repo.ts";
import { argvOf, INJECTED, projectWith, refusal } from "./policy.ts";

const PLACE = { repo: "owner/repo", repoPath: "/repos/one", url: "git@github.com:owner/repo.git" };
const text = { type: "string" };
const maybe = { type: "string", optional: true };

function runs(operation: object, words: readonly string[], command = "tool"): readonly string[] {
  const project = projectWith({ op: { command, ...operation } });
  return argumentsOf(project, checkCall(project, reverseMatch(project, INJECTED, [command, ...words])), PLACE);
}

function why(operation: object, words: readonly string[], command = "tool"): string {
  const project = projectWith({ op: { command, ...operation } });
  const { code, message } = refusal(() => reverseMatch(project, INJECTED, [command, ...words]));
  expect(code).toBe("argv_no_match");
  return /; op: (.*?)(?:; |$)/.exec(message)?.[1] ?? "";
}

const edit = {
  args_template: ["pr", "edit", "{number}", "-R", "{repo}", "--body", "{body}"],
  params: { number: { type: "integer" }, body: maybe },
  allowed_flags: ["--title", "--draft", "--many", "-s", { flag: "-L", type: "integer" }],
  bool_flags: ["--draft"],
  multi_value_flags: ["--many"],
};
const BUILT = ["pr", "edit", "7", "-R", "owner/repo"];

describe("options of a typed command line", () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    ["may be left out where they are optional", ["7"], []],
    ["may stand before the arguments", ["--draft", "--title", "x", "7"], ["--draft", "--title=x"]],
    ["may stand before those of the template", ["7", "--title=x", "--body", "b"], ["--body", "b", "--title=x"]],
    ["may have their value behind an equals sign", ["--body=b", "7"], ["--body", "b"]],
    ["may name the project's own repository", ["-R", "Owner/Repo", "7"], []],
    ["may name it with its host", ["7", "--repo", "GitHub.com/owner/repo"], []],
    ["may name it in one word", ["7", "--repo=owner/repo"], []],
    ["may name it right behind -R", ["-Rowner/repo", "7"], []],
    ["may be short, with their value apart", ["-L", "5", "7"], ["-L", "5"]],
    ["may be short, with their value attached", ["-L5", "7"], ["-L", "5"]],
    ["may be short, with an equals sign", ["-L=5", "7"], ["-L=5"]],
    [
      "may take several values, up to the next option",
      ["--many", "a", "b", "--draft", "7"],
      ["--many", "a", "b", "--draft"],
    ],
    ["may lack a value that has no rules", ["7", "--title", "--draft"], ["--title", "--draft"]],
  ])("%s", (_, words, more) => {
    expect(runs(edit, ["pr", "edit", ...words])).toEqual([...BUILT, ...more]);
  });

  it.each<readonly [readonly string[], string]>([
    [["--draft"], "missing <number>"],
    [["7", "--nope=secret"], 'unknown flag "--nope"'],
    [["7", "8"], 'unexpected "8"'],
    [["x", "8"], '"x" stands where <number> is expected'],
    [["--title", "x", "y"], '"y" stands where <number> is expected'],
    [["7", "--body"], '"--body" is not --body <body>'],
    [["7", "--body", "a", "--draft", "--body", "b"], 'a second "--body"'],
    [["7", "-R", "other/repo"], '-R "other/repo" is not owner/repo, where it acts'],
    [["7", "-R"], '-R "" is not owner/repo, where it acts'],
    [["7", "--draft", "-s", "x"], "-s: nobody can tell whether the next word is its value"],
    [["7", "-Lx"], "-L: expected integer"],
    [["7", "--draft", "--"], 'unexpected "--"'],
  ])("%j do not fit", (words, reason) => {
    expect(why(edit, ["pr", "edit", ...words])).toContain(reason);
  });

  it("are switches, pairs and single words of the template too", () => {
    const fixed = {
      args_template: [
        "x",
        "--method",
        "GET",
        "--no-check",
        "{a}",
        "--n={n}",
        "-f",
        "k={k}",
        "-f",
        "{any}",
        "--kind=a",
        "-q",
      ],
      params: { a: text, n: { type: "integer" }, k: text, any: text },
    };
    const built = ["x", "--method", "GET", "--no-check", "A", "--n=5", "-f", "k=v", "-f", "w", "--kind=a", "-q"];
    for (const words of [
      built.slice(1),
      ["-q", "--kind", "a", "-f", "w", "-f", "k=v", "--n", "5", "A", "--no-check", "--method=GET"],
    ])
      expect(runs(fixed, ["x", ...words])).toEqual(built);
    expect(why(fixed, ["x", "--no-check=1"])).toBe('"--no-check=1" is not --no-check');
    expect(why(fixed, ["x", "--n", "z"])).toBe('unknown flag "--n"');
    const short = ["A", "-q", "--kind=a", "-f", "w", "-f", "k=v", "--no-check", "--method=GET"];
    expect(why(fixed, ["x", ...short])).toBe("missing --n=<n>");
  });

  it("end at --, as far as the template has arguments behind it", () => {
    const closed = {
      args_template: ["x", "{a}", "--", "{b}"],
      params: { a: maybe, b: text },
      allowed_flags: ["--one"],
    };
    expect(runs(closed, ["x", "--", "b"])).toEqual(["x", "--", "b"]);
    expect(runs(closed, ["x", "--one=1", "--", "b"])).toEqual(["x", "--", "b", "--one=1"]);
    expect(runs(closed, ["x", "--", "b", "--one", "1"])).toEqual(["x", "--", "b", "--one=1"]);
  });
});

describe("arguments of a typed command line", () => {
  it("may begin with a dash where their schema or their type says so", () => {
    const params = { a: { type: "integer" }, b: { type: "string", allow_leading_dash: true } };
    const operation = { args_template: ["x", "{a}", "{b}"], params, allowed_flags: ["--one"] };
    expect(runs(operation, ["x", "--one", "1", "-3", "-b"])).toEqual(["x", "-3", "-b", "--one=1"]);
  });

  it("that may be missing take a word as soon as the rest still fits", () => {
    const operation = { args_template: ["{a}", "{b}", "end", "{c}"], params: { a: maybe, b: text, c: maybe } };
    expect(runs(operation, ["1", "end"])).toEqual(["1", "end"]);
    expect(runs(operation, ["1", "2", "end", "3"])).toEqual(["1", "2", "end", "3"]);
    expect(why(operation, ["1", "2"])).toBe("missing end");
    const pair = { args_template: ["x", "--", "{p}"], params: { p: maybe } };
    expect(runs(pair, ["x"])).toEqual(["x"]);
    expect(runs(pair, ["x", "--", "p"])).toEqual(["x", "--", "p"]);
    const back = { args_template: ["{a}", "{n}", "{m}"], params: { a: maybe, n: maybe, m: { type: "integer" } } };
    expect(why(back, ["1", "x"])).toBe("missing <m>");
    const hard = { args_template: ["{a}", "{b}", "z"], params: { a: maybe, b: maybe } };
    expect(why(hard, ["1", "2", "3"])).toBe('"3" stands where z is expected');
  });

  it("say the same wherever one name stands", () => {
    const twice = { args_template: ["--m", "{a}", "x={a}", "{b}"], params: { a: maybe, b: maybe } };
    expect(runs(twice, ["x=1", "--m", "1"])).toEqual(["--m", "1", "x=1"]);
    expect(why(twice, ["x=1"])).toBe("<a> stands in several places, with different values");
    expect(why(twice, ["x=", "--m", "1"])).toBe("<a> stands in several places, with different values");
    expect(runs(twice, ["x="])).toEqual(["x="]);
    const numbers = { args_template: ["x={n}:{t}"], params: { n: { type: "integer", optional: true }, t: text } };
    expect(runs(numbers, ["x=:a"])).toEqual(["x=:a"]);
    expect(runs(numbers, ["x=5:a"])).toEqual(["x=5:a"]);
    expect(why(numbers, ["x=y:a"])).toContain("stands where x=<n>:<t> is expected");
    expect(why({ args_template: ["x={b}"], params: { b: { type: "git_branch" } } }, ["x=a..b"])).toContain(
      "stands where",
    );
    expect(why({ args_template: ["at={repo}"] }, ["at=x/y"])).toContain("is expected");
    expect(runs({ args_template: ["at={repo}"] }, ["at=owner/repo"])).toEqual(["at=owner/repo"]);
  });

  it("may be those that are put in automatically, as they are", () => {
    const push = { args_template: ["push", "{expected_git_url}", "{b}"], params: { b: text } };
    for (const url of [[], ["origin"], [PLACE.url]])
      expect(
        runs(
          { args_template: ["log", ...push.args_template.slice(1)], params: push.params },
          ["log", ...url, "x"],
          "git",
        ),
      ).toEqual(["log", PLACE.url, "x"]);
    expect(why({ ...push, args_template: ["x", "{expected_git_url}", "{b}"] }, ["x", "origin", "b"])).toBe(
      'unexpected "b"',
    );
    expect(runs({ args_template: ["x", "-C", "{repo_path}"] }, ["x", "-C", "/repos/one"])).toEqual([
      "x",
      "-C",
      "/repos/one",
    ]);
  });

  it("do not become a file of the host by standing side by side", () => {
    const error = refusal(() =>
      argvOf({ args_template: ["x={a}{b}"], params: { a: text, b: text } }, { a: "file:", b: "//etc/passwd" }),
    );
    expect(error.code).toBe("file_url_refused");
  });
});

describe("a command line that fits nothing", () => {
  it("is told the nearest form, and at most three operations that came close", () => {
    const other = (n: number): object => ({
      command: "tool",
      args_template: ["pr", "edit", "{a}", `${n}`],
      params: { a: text },
    });
    const project = projectWith({
      edit: { command: "tool", ...edit },
      a: other(1),
      b: other(2),
      c: other(3),
      far: { command: "tool", args_template: ["y"] },
    });
    const { message } = refusal(() => reverseMatch(project, INJECTED, ["tool", "pr", "edit"]));
    expect(message).toBe(
      'cmd2host: no allowed operation matches argv "tool pr edit"; edit: missing <number>; a: missing <a>; b: missing <a>; nearest form: tool pr edit <number> [--body <body>] [--title <value>] [--draft] [--many <value>...] [-s] [-L <value>]',
    );
    expect(refusal(() => reverseMatch(project, INJECTED, ["tool", "z"])).message).toBe(
      'cmd2host: no allowed operation matches argv "tool z"',
    );
  });

  it("is told that nobody sits at a terminal when that is why", () => {
    const project = projectWith({ op: { command: "gh", args_template: ["pr", "view"] } });
    const error = refusal(() => reverseMatch(project, INJECTED, ["gh", "pr", "view", "--web"]));
    expect(error.code).toBe("interactive_command");
    expect(error.message).toContain("gh --web requires interactive TTY");
  });
});

describe("what no project can allow", () => {
  it.each([
    ["aws --region us-east-1 configure"],
    ["aws --profile foo sso login"],
    ["aws --output=text configure"],
    ["aws --debug configure"],
    ["aws --debug --output text configure"],
    ["/usr/bin/aws ecs execute-command --task x"],
    ["gh auth login"],
  ])("is a command that asks at a terminal: %s", (line) => {
    const error = refusal(() => {
      refuseTyped(line.split(" "));
    });
    expect(error.code).toBe("interactive_command");
    expect(error.message).toContain("requires interactive TTY");
  });

  it.each([["gh configure"], ["aws s3 ls configure"], ["tool configure"], ["aws --a b c configure"], ["aws"]])(
    "is not %s",
    (line) => {
      refuseTyped(line.split(" "));
    },
  );

  it.each([["file:///x"], ["a=file://x y"], ["--x=fileb://y"], ["FILE://x"]])("is the value %s", (word) => {
    expect(
      refusal(() => {
        refuseTyped(["aws", "s3", word]);
      }).code,
    ).toBe("file_url_refused");
    refuseTyped(["aws", "see file:// docs"]);
  });
});

describe("the repository that a command line names", () => {
  const project = projectWith(
    { op: { command: "gh", args_template: ["pr", "-R", "{repo}"] }, other: { command: "tool", args_template: ["x"] } },
    { repos: ["a/one", "b/two"], repo_paths: ["/a", "/b"] },
  );
  it.each<readonly [string, string | undefined]>([
    ["gh pr -R b/two", "b/two"],
    ["gh pr --repo=B/Two", "b/two"],
    ["gh pr -R github.com/a/one", "a/one"],
    ["gh pr -R c/three", undefined],
    ["gh pr -R a/one -R b/two", undefined],
    ["gh pr -- -R b/two", undefined],
    ["gh pr", undefined],
    ["tool x -R b/two", undefined],
  ])("%s", (line, expected) => {
    expect(typedRepo(project, line.split(" "))?.name).toBe(expected);
  });

  it("is refused with what there is when it is another", () => {
    const at = { ...INJECTED, repo: "a/one" };
    const { message } = refusal(() => reverseMatch(project, at, ["gh", "pr", "-R", "c/three"]));
    expect(message).toContain('-R "c/three" is not a/one, where it acts; the project has a/one, b/two');
    expect(refusal(() => typedRepo(project, []) ?? reverseMatch(project, at, [])).code).toBe("argv_no_match");
  });
});

describe("texts inside a word", () => {
  it.each<readonly [string, readonly string[], readonly string[] | undefined]>([
    ["a-b-c", ["", "-", ""], ["a", "b-c"]],
    ["--", ["", "-", ""], undefined],
    ["---", ["", "-", ""], ["-", "-"]],
    ["😀x", ["", "", ""], ["😀", "x"]],
    ["ab", ["x", ""], undefined],
    ["a", ["a", "", ""], undefined],
    ["aXb", ["", "Y", ""], undefined],
    ["ab!", ["", "!"], ["ab"]],
  ])("%s", (word, fixed, texts) => {
    expect(textsBetween(word, fixed)).toEqual(texts);
  });
});

describe("ten thousand words", () => {
  it("are held against two hundred operations in little time", () => {
    const params = { a: maybe, b: maybe, k: text, c: maybe };
    const operation = { command: "tool", args_template: ["x", "{a}", "--body", "{b}", "k={k}-{c}!", "{c}"], params };
    const project = projectWith(Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`op${n}`, operation])));
    const started = performance.now();
    for (const words of [
      Array.from({ length: 10_000 }, () => "y".repeat(100)),
      Array.from({ length: 10_000 }, () => "--body"),
      [`k=${"-".repeat(1_000_000)}!`],
    ])
      refusal(() => reverseMatch(project, INJECTED, ["tool", "x", ...words]));
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});
