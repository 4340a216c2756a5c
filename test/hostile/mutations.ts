import type { Edit } from "./mutant.ts";

/** A mitigation that is switched off, and attacks of which at least one must then come out differently. */
export interface Mutation {
  /** What is switched off. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** `class: name` of attacks in the corpus. */
  readonly attacks: readonly string[];
}

function edit(file: string, from: string, to: string): Edit {
  return { file, from, to };
}

const NO_CONFIGURATION_CHECK = edit(
  "host/engine/work.ts",
  'if (manner.kind === "remote_git" || (manner',
  'if (manner.kind !== "" || (manner',
);
const NO_LAYOUT_CHECK = edit("host/engine/work.ts", '=> concerns === "layout")', '=> concerns === "")');

/** Each change is small enough to be made by mistake. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: "a push runs in a repository of ours",
    edits: [edit("host/git/room/push.ts", "steps.main(own.path,", "steps.main(job.workspace.gitDir,")],
    attacks: ["workspace-config: url.pushInsteadOf"],
  },
  {
    name: "a fetch runs in a repository of ours",
    edits: [edit("host/git/room/fetch.ts", "steps.main(own.path,", "steps.main(job.workspace.gitDir,")],
    attacks: ["workspace-config: url.insteadOf at a fetch"],
  },
  {
    name: "a listing runs in a repository of ours",
    edits: [
      edit(
        "host/git/room/git-room.ts",
        'steps.main(own.path, ["ls-remote"',
        'steps.main(job.workspace.gitDir, ["ls-remote"',
      ),
    ],
    attacks: ["workspace-config: url.insteadOf at a listing"],
  },
  {
    name: "gh runs in an empty directory",
    edits: [edit("host/daemon/workshop.ts", 'if (work.runIn === "workspace")', 'if (work.runIn !== "")')],
    attacks: ["workspace-config: a filter when a pull request is made, for which gh calls git"],
  },
  {
    name: "what runs on the work tree wants harmless configuration",
    edits: [NO_CONFIGURATION_CHECK],
    attacks: ["workspace-config: a filter that cleans", "workspace-config: core.fsmonitor at status"],
  },
  {
    name: "git on the work tree reads a configuration of ours",
    edits: [
      NO_CONFIGURATION_CHECK,
      edit("host/git/room/local.ts", '["GIT_DIR", view.path]', '["GIT_DIR", job.workspace.gitDir]'),
    ],
    attacks: ["workspace-config: a filter that cleans"],
  },
  {
    name: "the workspace's .git lies where it seems to",
    edits: [NO_LAYOUT_CHECK],
    attacks: [
      "workspace-layout: borrowed objects of a repository of the host",
      "workspace-layout: .git is a file that names a repository of the host",
    ],
  },
  {
    name: "links in a repository are not followed",
    edits: [
      NO_LAYOUT_CHECK,
      edit("host/util/dir-handle.ts", "= OPEN_ROOT | constants.O_NOFOLLOW;", "= OPEN_ROOT;"),
      edit("host/util/regular-file.ts", "constants.O_RDONLY | constants.O_NOFOLLOW |", "constants.O_RDONLY |"),
    ],
    attacks: ["workspace-layout: one object is a link", "workspace-layout: one ref is a link to a ref of the host"],
  },
  {
    name: "objects are held against their names",
    edits: [edit("host/git/repository/loose-object.ts", "objectIdOf(type, content, format) !== id", "id === type")],
    attacks: ["workspace-objects: a file under the name of another one"],
  },
  {
    name: "what is pushed is whole",
    edits: [
      edit(
        "host/git/room/import.ts",
        "if (result.exitCode === 0) return undefined;",
        "if (id !== '') return undefined;",
      ),
    ],
    attacks: ["workspace-objects: a file that is missing", "refs: the name of a tree"],
  },
  {
    name: "options of a push are known ones",
    edits: [
      edit(
        "host/git/request/remote-request.ts",
        "else throw unsupported(`the option ${shown(option)} with push`);",
        "else kept.push(option);",
      ),
    ],
    attacks: ["arguments-git: a program for the other side, although the owner allows the flag"],
  },
  {
    name: "a fetch writes below refs/remotes only",
    edits: [
      edit("host/git/request/remote-request.ts", "|| !REMOTE_PREFIX.test(destination))", "|| destination === '')"),
    ],
    attacks: ["arguments-git: a fetch onto the current branch", "arguments-git: a fetch into replacements"],
  },
  {
    name: "only the template says that a push overwrites",
    edits: [edit("host/engine/work.ts", "if (power === undefined) return;", "if (power !== '') return;")],
    attacks: ["refs: a plus, which forces where the template does not", "refs: no source, which deletes"],
  },
  {
    name: "links are followed before path_deny is asked",
    edits: [edit("host/operation/path-policy.ts", "targetOfPath(repoPath, clean) ?? clean", "clean")],
    attacks: ["paths: a link to a denied path"],
  },
  {
    name: "a remote operation names the project's own URL",
    edits: [
      edit("host/sanitize/profile.ts", 'profile !== "git_remote_strict" || args[1]', 'profile !== "" || args[1]'),
    ],
    attacks: ["arguments-git: another repository where the owner left the address open"],
  },
  {
    name: "the origin is the project's",
    edits: [edit("host/target/target.ts", "if (origin.repo.toLowerCase() !==", "if (origin.repo ===")],
    attacks: ["workspace-config: an origin of another owner"],
  },
  {
    name: "branches are allowed ones",
    edits: [edit("host/operation/branch-policy.ts", "pattern.matchesWhole(branch)", "pattern.found(branch)")],
    attacks: ["arguments-git: a branch that is allowed but for its beginning"],
  },
  {
    name: "a push says where it goes to",
    edits: [edit("host/operation/branch-policy.ts", 'if (push.kind === "unclear")', 'if (push.kind === "none")')],
    attacks: ["arguments-git: every ref, although the owner allows the flag"],
  },
  {
    name: "only allowed operations run",
    edits: [edit("host/operation/resolve.ts", "if (!project.allowed.includes(id))", "if (id === '')")],
    attacks: ["protocol: an operation that is defined but not allowed"],
  },
  {
    name: "only allowed flags pass",
    edits: [
      edit(
        "host/operation/flags.ts",
        "    if (spec === undefined) {",
        "    if (spec === undefined) {\n      continue;",
      ),
      edit("host/operation/flags.ts", "normalised.length > 0 && specs.size === 0", "normalised.length < 0"),
    ],
    attacks: ["arguments-gh: another repository by an option"],
  },
  {
    name: "values are no options",
    edits: [
      edit("host/operation/params/kind.ts", 'text.startsWith("-") && dashAllowed', 'text === "-" && dashAllowed'),
    ],
    attacks: ["arguments-programs: an option for a text"],
  },
  {
    name: "values are no files of the host",
    edits: [edit("host/operation/params/kind.ts", "readsHostFile(text))\n", "text === '')\n")],
    attacks: ["arguments-programs: a file of the host for a text"],
  },
  {
    name: "lengths are bounded",
    edits: [edit("host/operation/params/kind.ts", "if (maxLength > 0 && length", "if (maxLength < 0 && length")],
    attacks: ["patterns: longer than the schema says"],
  },
  {
    name: "paths stay in the workspace after links",
    edits: [
      edit(
        "host/operation/paths-on-disk.ts",
        'if (ending.kind === "outside") throw denied(value',
        'if (value === "") throw denied(value',
      ),
    ],
    attacks: ["paths: a link to a file of the host"],
  },
  {
    name: "paths into .git are refused",
    edits: [
      edit(
        "host/operation/paths-on-disk.ts",
        'component === ".git" || component === "git~1"',
        'component === "" || component === "git~1"',
      ),
    ],
    attacks: ["paths: the configuration of git", "files: an output as a hook"],
  },
  {
    name: "outputs stay in the workspace after links",
    edits: [
      edit(
        "host/operation/paths-on-disk.ts",
        'if (ending.kind === "outside") throw invalid(value',
        'if (value === "") throw invalid(value',
      ),
    ],
    attacks: ["files: an output behind a link to a directory of the host"],
  },
  {
    name: "the environment is made from nothing",
    edits: [
      edit(
        "host/sanitize/environment.ts",
        "[...BASE_PASSES, ...recipe.passes].flatMap",
        "[...situation.host.keys()].flatMap",
      ),
      // Behind it, redaction would still mask what leaks.
      edit(
        "host/engine/run-output.ts",
        "this.#hand(stream, this.#redactors[stream].write(bytes))",
        "this.#hand(stream, bytes)",
      ),
    ],
    attacks: ["environment: the environment of the daemon"],
  },
  {
    name: "PATH does not lead into a workspace",
    edits: [
      edit(
        "host/sanitize/environment.ts",
        "isAbsolute(entry) && !inside(resolve(entry)) && !inside(realOrSame(entry))",
        "isAbsolute(entry)",
      ),
    ],
    attacks: ["environment: an ssh of the workspace, where PATH leads into it"],
  },
  {
    name: "programs do not lie in a workspace",
    edits: [edit("host/exec/command.ts", "if (inside !== undefined)", "if (inside === '')")],
    attacks: ["environment: a program that lies in the workspace"],
  },
  {
    name: "tokens end",
    edits: [edit("host/auth/token-store.ts", "nowMs - stored.modifiedMs < TOKEN_LIFETIME_MS", "nowMs > 0")],
    attacks: ["tokens: a token that is a day old"],
  },
  {
    name: "what runs was approved",
    edits: [edit("host/project/pin.ts", "equalInConstantTime(pin, configHash)", "configHash !== ''")],
    attacks: ["tokens: a project that changed after it was approved"],
  },
  {
    name: "members of JSON stand once",
    edits: [edit("wire/json.ts", "if (frame.keys.has(key)) return", "if (key === '' && frame.keys.has(key)) return")],
    attacks: ["json: operation stands twice"],
  },
  {
    name: "nothing follows a request",
    edits: [
      edit(
        "wire/framing.ts",
        "trailing: !isBlank(chunk.subarray(result.end - chunkStart))",
        "trailing: chunk.length < 0",
      ),
    ],
    attacks: ["protocol: a bracket behind the request"],
  },
  {
    name: "messages hold no controls",
    edits: [edit("wire/printable.ts", 'return `"${escapeWith(text, SHORT_ESCAPES)}"`;', 'return `"${text}"`;')],
    attacks: ["terminal: escape sequences in the name of a parameter"],
  },
];
