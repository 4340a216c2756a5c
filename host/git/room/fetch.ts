import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RunResult } from "../../exec/run.ts";
import type { ObjectId } from "../repository/object-id.ts";
import type { FetchRequest, FetchSpec } from "../request/remote-request.ts";
import type { Workbench } from "./git-room.ts";
import type { RemoteJob } from "./job.ts";
import { failedStep } from "./steps.ts";
import { WriteBack } from "./write-back.ts";

type RefMap = ReadonlyMap<string, ObjectId>;

function covers({ destination }: FetchSpec, name: string): boolean {
  const [before = "", after] = destination.split("*", 2);
  if (after === undefined) return name === destination;
  return name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after);
}

function specText({ force, source, destination }: FetchSpec): string {
  return `${force ? "+" : ""}${source}:${destination}`;
}

/** Brings our remote branches to where the workspace's are, as far as the workspace really has them. */
async function agree(bench: Workbench<RemoteJob>, prefix: string): Promise<RefMap> {
  const { own, workspace, imports } = bench;
  const theirs = workspace.refs.list(prefix);
  const ours = own.refs();
  const unknown = [...theirs].filter(([name, id]) => ours.get(name) !== id).map(([, id]) => id);
  const whole = await imports.tips(unknown);
  const agreed = [...theirs].filter(([name, id]) => ours.get(name) === id || whole.has(id));
  const others = [...ours].filter(([name]) => !name.startsWith(prefix) && !name.startsWith("refs/heads/"));
  own.setRefs(new Map([...others, ...agreed]));
  return new Map(agreed);
}

/** Makes a pack of what the new refs need and the old ones did not, and puts it into the workspace. */
async function deliver(
  { own, steps }: Workbench<RemoteJob>,
  back: WriteBack,
  news: RefMap,
  before: RefMap,
): Promise<void> {
  const wanted = [...new Set(news.values())].map((id) => `${id}\n`);
  const had = [...new Set(before.values())].map((id) => `^${id}\n`);
  const directory = mkdtempSync(join(own.path, "pack-"));
  try {
    const base = join(directory, "pack");
    const args = ["pack-objects", "--revs", "--delta-base-offset", "--non-empty", "-q", base];
    const result = await steps.helper(own.path, args, Buffer.from([...wanted, ...had].join("")));
    if (result.exitCode !== 0) throw failedStep("git pack-objects", result);
    const hash = result.stdout.bytes.toString("latin1").trim();
    if (hash !== "") await back.pack(`${base}-${hash}`, `pack-${hash}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Fetches into our own repository, and puts the new objects and remote branches into the workspace: nothing but files in `objects/pack` and
 * refs below `refs/remotes/NAME/`.
 */
export async function fetch(bench: Workbench<RemoteJob>, request: FetchRequest): Promise<RunResult> {
  const { own, steps, workspace, job } = bench;
  const before = await agree(bench, request.prefix);
  const options = ["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=", ...request.options];
  if (request.prune) options.push("--prune");
  const result = await steps.main(own.path, ["fetch", ...options, "--", job.url, ...request.specs.map(specText)]);
  if (result.reason !== "exited" || options.includes("--dry-run")) return result;

  const after = own.refs();
  const covered = (name: string): boolean => request.specs.some((spec) => covers(spec, name));
  const seen = workspace.refs.list(request.prefix);
  // A ref of the workspace whose objects are not all there is news, too.
  const news = new Map([...after].filter(([name, id]) => covered(name) && before.get(name) !== id));
  const back = new WriteBack(workspace.commonDir);
  if (news.size > 0) await deliver(bench, back, news, before);
  const gone = request.prune ? [...seen.keys()].filter((name) => covered(name) && !after.has(name)) : [];
  if (result.exitCode === 0) back.deleteRefs(gone);
  for (const [name, id] of news) back.ref(name, id);
  return result;
}
