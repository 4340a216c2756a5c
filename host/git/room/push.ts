import { createHash } from "node:crypto";
import type { RunResult } from "../../exec/run.ts";
import { CodedError } from "../../../wire/errors.ts";
import { quoted } from "../../../wire/text.ts";
import type { PushRequest } from "../request/remote-request.ts";
import type { Workbench } from "./git-room.ts";
import type { RemoteJob } from "./job.ts";

/** Refs of ours that only say what is whole here. Their names hold no branch's name, so that `a` and `a/b` do not meet. */
const KEPT = "refs/kept/";
const MAX_KEPT = 1_000;

function keptName(branch: string): string {
  return `${KEPT}${createHash("sha256").update(branch).digest("hex").slice(0, 32)}-push`;
}

/** The lease as git is told it: with the object that the branch has to be. */
function leaseOption(bench: Workbench<RemoteJob>, { branch, lease }: PushRequest): readonly string[] {
  if (lease === undefined) return [];
  const seen =
    lease.expected ?? bench.workspace.refs.resolve(bench.workspace.refs.read(`refs/remotes/origin/${branch}`));
  if (seen === undefined)
    throw new CodedError("git_ref_invalid", `no refs/remotes/origin/ ref says where ${quoted(branch)} was seen last`, {
      hint: "Fetch first, or name the object: --force-with-lease=BRANCH:OBJECT.",
    });
  return [`--force-with-lease=refs/heads/${branch}:${seen}`];
}

/** Takes the one commit from the workspace, and pushes it from a repository that has nothing else to push. */
export async function push(bench: Workbench<RemoteJob>, request: PushRequest): Promise<RunResult> {
  const { own, steps, job } = bench;
  const { source } = job;
  const lease = leaseOption(bench, request);
  let from = "";
  if (source !== undefined) {
    await bench.imports.commit(source.id);
    from = `refs/heads/${source.branch ?? request.branch}`;
    const refs = [...own.refs()].filter(([name]) => !name.startsWith("refs/heads/"));
    const kept = refs.filter(([name]) => name.startsWith(KEPT)).slice(-MAX_KEPT);
    const others = refs.filter(([name]) => !name.startsWith(KEPT));
    own.setRefs(new Map([...others, ...kept, [keptName(request.branch), source.id], [from, source.id]]));
  }
  const refspec = `${request.force ? "+" : ""}${from}:refs/heads/${request.branch}`;
  return steps.main(own.path, ["push", "--no-verify", ...request.options, ...lease, "--", job.url, refspec]);
}
