import { createHash } from "node:crypto";
import type { RunResult } from "../../exec/run.ts";
import { CodedError } from "../../../wire/errors.ts";
import { quoted } from "../../../wire/text.ts";
import type { ObjectId } from "../repository/object-id.ts";
import type { PushRequest } from "../request/remote-request.ts";
import type { Workbench } from "./git-room.ts";
import type { RemoteJob } from "./job.ts";
import type { OwnRepository } from "./own-repository.ts";

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

/** What is whole here, and the one branch that there is to push. */
function setRefs(own: OwnRepository, branch: readonly [string, ObjectId], kept?: readonly [string, ObjectId]): void {
  const refs = [...own.refs()].filter(([name]) => !name.startsWith("refs/heads/"));
  const whole = refs.filter(([name]) => name.startsWith(KEPT)).slice(-MAX_KEPT);
  const others = refs.filter(([name]) => !name.startsWith(KEPT));
  own.setRefs(new Map([...others, ...whole, ...(kept === undefined ? [] : [kept]), branch]));
}

/**
 * Takes the one commit from the workspace, and pushes it from a repository that has nothing else to push. Where nothing seems to be missing, git says so
 * for sure while it pushes: what it lacks, it cannot send.
 */
export async function push(bench: Workbench<RemoteJob>, request: PushRequest): Promise<RunResult> {
  const { own, steps, job, imports } = bench;
  const { source } = job;
  const options = ["--no-verify", ...request.options, ...leaseOption(bench, request), "--", job.url];
  const from = source === undefined ? "" : `refs/heads/${source.branch ?? request.branch}`;
  const refspec = `${request.force ? "+" : ""}${from}:refs/heads/${request.branch}`;
  const pushIt = async (): Promise<RunResult> => steps.main(own.path, ["push", ...options, refspec]);
  if (source === undefined) return pushIt();

  const [branch, kept] = [[from, source.id] as const, [keptName(request.branch), source.id] as const];
  if (await imports.gather(source.id)) {
    setRefs(own, branch);
    const [lack, pushed] = await Promise.allSettled([imports.lack(source.id), pushIt()]);
    if (pushed.status === "rejected") throw pushed.reason;
    if (lack.status === "fulfilled" && lack.value === undefined) setRefs(own, branch, kept);
    else if (pushed.value.reason === "exited" && pushed.value.exitCode !== 0) return again();
    return pushed.value;
  }
  return again();

  async function again(): Promise<RunResult> {
    await imports.commit(branch[1]);
    setRefs(own, branch, kept);
    return pushIt();
  }
}
