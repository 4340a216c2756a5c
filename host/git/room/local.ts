import { createHash } from "node:crypto";
import { join } from "node:path";
import { CodedError } from "../../../wire/errors.ts";
import { quoted } from "../../../wire/text.ts";
import type { RunResult } from "../../exec/run.ts";
import type { ObjectId } from "../repository/object-id.ts";
import type { Workbench } from "./git-room.ts";
import type { LocalJob } from "./job.ts";
import type { OpenWorkspace } from "./open-workspace.ts";
import { View } from "./view.ts";
import { WriteBack } from "./write-back.ts";

type RefMap = ReadonlyMap<string, ObjectId>;

const KEPT = "refs/kept/";
/** What git leaves in a git directory while a command of several steps waits to go on. */
const IN_PROGRESS = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG"];
/** Commands that look at submodules unless they are told not to: there git would run with the configuration that the submodule brings. */
const LOOKS_INTO_SUBMODULES = new Set(["status", "diff", "diff-files", "diff-index"]);

function refuseInProgress({ workspace, job }: Workbench<LocalJob>): void {
  const state = job.request.writes ? IN_PROGRESS.find((name) => workspace.gitDir.stats(name) !== undefined) : undefined;
  if (state === undefined) return;
  throw new CodedError("git_in_progress", `the workspace has ${quoted(state)}: a git command waits to be continued`);
}

/** The commit that HEAD stands for. A branch that only names another one has no place in a view. */
function headOf({ refs, gitDir }: OpenWorkspace): ObjectId | undefined {
  const head = refs.pseudo(gitDir, "HEAD");
  if (head?.kind === "symbolic" && refs.read(head.target)?.kind === "symbolic")
    throw new CodedError("git_layout_unsupported", `${quoted(head.target)} of the workspace is a symbolic ref`, {
      hint: "Inside the container: switch to the branch that it names.",
    });
  return refs.resolve(head);
}

/** Takes everything that the refs and HEAD lead to, and for commands that look at the index, what is staged. */
async function gather({ own, workspace, imports }: Workbench<LocalJob>): Promise<RefMap> {
  const theirs = workspace.refs.list("refs/");
  const head = headOf(workspace);
  const tips = new Set([...theirs.values(), ...(head === undefined ? [] : [head])]);
  const ours = own.refs();
  const known = new Set(ours.values());
  const whole = await imports.tips([...tips].filter((id) => !known.has(id)));
  const agreed = new Map([...theirs].filter(([, id]) => known.has(id) || whole.has(id)));
  if (head !== undefined && !known.has(head) && !whole.has(head))
    throw new CodedError("git_objects_missing", `the workspace lacks objects of its HEAD, ${head}`);
  const kept = [...ours].filter(([name]) => !name.startsWith(KEPT) || name.endsWith("-push"));
  const tipRefs = [...agreed, ...(head === undefined ? [] : [["HEAD", head] as const])].map(
    ([name, id]) => [KEPT + createHash("sha256").update(name).digest("hex").slice(0, 32), id] as const,
  );
  own.setRefs(new Map([...kept, ...tipRefs]));
  await imports.everything();
  return agreed;
}

function argsOf({ request }: LocalJob): readonly string[] {
  const { subcommand, args } = request;
  return [subcommand, ...(LOOKS_INTO_SUBMODULES.has(subcommand) ? ["--ignore-submodules=all"] : []), ...args];
}

/** The environment of a git that finds no program to run, not even itself, but the view's. */
function sealedEnv(job: LocalJob, view: View): ReadonlyMap<string, string> {
  return new Map([
    ...job.launch.env,
    ["PATH", view.programs],
    ["GIT_EXEC_PATH", view.programs],
    ["GIT_DIR", view.path],
    ["GIT_WORK_TREE", job.workTree],
    ["GIT_OPTIONAL_LOCKS", "0"],
    ["GIT_EDITOR", ":"],
  ]);
}

/** Puts what git changed into the workspace: objects first, then refs, HEAD, index. */
async function deliver({ workspace }: Workbench<LocalJob>, view: View, before: RefMap, after: RefMap): Promise<void> {
  const changed = [...after].filter(([name, id]) => before.get(name) !== id);
  const gone = [...before.keys()].filter((name) => !after.has(name));
  const { loose, packs } = view.newObjects();
  const [head, hasIndex] = [view.head, view.hasNewIndex];
  if (changed.length + gone.length + loose.length + packs.length === 0 && head === view.headBefore && !hasIndex) return;
  view.refuseChanged();
  const moved = changed.find(([name]) => workspace.refs.resolve(workspace.refs.read(name)) !== before.get(name));
  if (moved !== undefined)
    throw new CodedError("git_write_back_failed", `${quoted(moved[0])} of the workspace was changed meanwhile`);
  const back = new WriteBack(workspace.commonDir);
  for (const name of loose) await back.loose(join(view.path, "objects", name), name);
  for (const name of packs) await back.pack(join(view.path, "objects/pack", name), name);
  for (const [name, id] of changed) back.ref(name, id);
  back.deleteRefs(gone);
  const own = new WriteBack(workspace.gitDir);
  if (head !== view.headBefore) own.file("HEAD", Buffer.from(head, "latin1"));
  if (hasIndex) {
    const { bytes, writtenAt } = view.newIndex();
    own.file("index", bytes, writtenAt);
  }
}

/** Runs one git command on a view of the workspace's repository. */
export async function local(bench: Workbench<LocalJob>): Promise<RunResult> {
  const { own, job, steps, workspace } = bench;
  refuseInProgress(bench);
  const refs = await gather(bench);
  const view = await View.make(own, job, workspace, refs);
  try {
    const result = await steps.main(job.workTree, argsOf(job), sealedEnv(job, view));
    if (result.reason === "exited" && job.request.writes) await deliver(bench, view, refs, view.refs());
    return result;
  } finally {
    view.remove();
  }
}
