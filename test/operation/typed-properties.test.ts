import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { argumentsOf, checkCall, type Asked } from "../../host/operation/call.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { programName } from "../../host/project/push.ts";
import type { FlagSpec, Operation, Project } from "../../host/project/types.ts";
import { place, templateCases, templateNames, templateProject } from "../contract/template-call.ts";

const INJECTED = { repo: place.repo, repo_path: place.repoPath, expected_git_url: place.url };

/** Words that stay together: an argument, an option with its value, a flag with its values. */
interface Group {
  readonly words: readonly string[];
  readonly kind: "argument" | "option" | "run";
}

function flagGroups(operation: Operation, flags: readonly string[]): readonly Group[] {
  const groups: { words: string[]; kind: Group["kind"] }[] = [];
  for (const word of flags) {
    const spec: FlagSpec | undefined = operation.flags.get(word);
    if (word.startsWith("-")) groups.push({ words: [word], kind: spec?.takes === "several" ? "run" : "option" });
    else groups.at(-1)?.words.push(word);
  }
  return groups;
}

/** A text may begin with a dash, too: `- one`. */
function isOption(word: string): boolean {
  return /^--?[A-Za-z]/.test(word);
}

/** The words that the template made, in groups: an option goes with what stands behind it. */
function templateGroups(words: readonly string[]): readonly Group[] {
  const groups: Group[] = [];
  for (let at = 0; at < words.length; at++) {
    const [word = "", next] = [words[at], words[at + 1]];
    const takesNext = isOption(word) && !word.startsWith("--no-") && next !== undefined && !isOption(next);
    if (takesNext) groups.push({ words: [word, words[++at] ?? ""], kind: "option" });
    else groups.push({ words: [word], kind: isOption(word) ? "option" : "argument" });
  }
  return groups;
}

/** Groups in another order: arguments keep theirs, and nothing follows a run of values that would be taken for one more. */
function reordered(groups: readonly Group[], keys: readonly number[]): readonly string[] | undefined {
  const shuffled = groups.map((group, index) => ({ group, key: keys[index] ?? 0 })).sort((a, b) => a.key - b.key);
  const inOrder = groups.filter(({ kind }) => kind === "argument");
  let next = 0;
  const all = shuffled.map(({ group }) => (group.kind === "argument" ? inOrder[next++] : group)).filter((one) => !!one);
  const swallows = all.some((group, index) => group.kind === "run" && all[index + 1]?.kind === "argument");
  return swallows ? undefined : all.flatMap(({ words }) => words);
}

function built(project: Project, asked: Asked): readonly string[] {
  return argumentsOf(project, checkCall(project, asked), place);
}

function typed(project: Project, command: string, words: readonly string[]): readonly string[] {
  return built(project, reverseMatch(project, INJECTED, [command, ...words]));
}

/** `-R OWNER/REPO` in the forms that mean the same. */
const REPO_FORMS = [
  [],
  ["-R", "owner/Repo"],
  ["--repo", "github.com/OWNER/REPO"],
  ["--repo=OWNER/REPO"],
  ["-ROWNER/REPO"],
] as const;

describe.each(templateNames)("what template %s builds", (name) => {
  const project = templateProject(name);
  const calls = templateCases(name).flatMap(({ request: { operation: id, params = {}, flags = [] }, argv }) => {
    const operation = project.operations.get(id ?? "");
    if (operation === undefined || argv === undefined) return [];
    const asked = { operation: operation.id, params: new Map(Object.entries(params)), flags };
    const own = checkCall(project, asked).flags;
    return [{ operation, argv, own, command: programName(operation.command) }];
  });

  it("can be typed back as it is", () => {
    expect(calls.length).toBeGreaterThan(0);
    for (const { argv, command } of calls) expect(typed(project, command, argv)).toEqual(argv);
  });

  it("can be typed with its options in any order, and with the repository in any form or without", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...calls),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 40 }),
        fc.constantFrom(...REPO_FORMS),
        ({ operation, argv, own, command }, keys, repo) => {
          const end = operation.template.findIndex(
            (element) => element.kind !== "literal" || element.text.startsWith("-"),
          );
          const head = argv.slice(0, end < 0 ? operation.template.length : end);
          const behind = argv.slice(head.length, argv.length - own.length);
          // What stands behind `--` stays there: in front of it the words would be options, or other arguments.
          const closed = behind.includes("--") ? behind.indexOf("--") : behind.length;
          const [middle, tail] = [behind.slice(0, closed), behind.slice(closed)];
          const words = templateGroups(middle).filter(
            (group) => group.words[1] !== place.repo && group.words[0] !== place.url,
          );
          const hasRepo = middle.includes("-R");
          const groups: readonly Group[] = [
            ...words,
            ...flagGroups(operation, own),
            ...(hasRepo && repo.length > 0 ? [{ words: repo, kind: "option" } as const] : []),
          ];
          const line = reordered(groups, keys);
          if (line === undefined) return;
          const again = typed(project, command, [...head, ...line, ...tail]);
          const length = argv.length - own.length;
          expect(again.slice(0, length)).toEqual(argv.slice(0, length));
          expect([...again.slice(length)].sort()).toEqual([...own].sort());
        },
      ),
      { numRuns: 400 },
    );
  });
});
