import { sha256Hex } from "../util/hash.ts";

/** A file of the workspace that the call reads, as it was copied. */
export interface CardFile {
  readonly param: string;
  /** Relative to the target's checkout. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What an answer is bound to: exactly what would run. */
export interface CardPlan {
  readonly project: string;
  readonly configHash: string;
  readonly operation: string;
  /** Real path of the program that is started. */
  readonly program: string;
  /** The program's name and its arguments; files of the workspace by their names there, not by those of their copies. */
  readonly argv: readonly string[];
  /** Where it runs; for an empty directory of the daemon's own, these words. */
  readonly cwd: string;
  readonly repo: string;
  readonly url: string;
  readonly inputs: readonly CardFile[];
  /** Where the output file goes, relative to the checkout. */
  readonly output: string | undefined;
  readonly stdin: { readonly bytes: number; readonly sha256: string } | undefined;
  /** The commit that a push takes. */
  readonly commit: string | undefined;
  readonly timeoutMs: number;
  /** On a machine: as whom it runs, and what the caller adds to its environment. */
  readonly machine: { readonly user: string; readonly env: ReadonlyMap<string, string> } | undefined;
}

/** Who asks, and through which door. */
export interface Requester {
  readonly session: { readonly id: string; readonly key: string };
  readonly peer: string;
  readonly route: string;
}

/** A plan as a person sees it. */
export interface Card {
  /** Id of the decision in the record, and of the run. */
  readonly id: string;
  readonly plan: CardPlan;
  /** Of `plan`, hexadecimal. */
  readonly digest: string;
  readonly requester: Requester;
  readonly title: string;
  /** What the call would do, in the operation's own words. */
  readonly says: string;
}

/** Two plans with the same digest run the same thing. Members are written in one order, texts as JSON, so nothing can pass for something else. */
export function digestOf(plan: CardPlan): string {
  const { project, configHash, operation, program, argv, cwd, repo, url, inputs, output, stdin, commit, machine } =
    plan;
  const files = inputs.map(({ param, path, bytes, sha256 }) => [param, path, bytes, sha256]);
  const text = JSON.stringify([
    "cmd2host plan 1",
    [project, configHash, operation],
    [program, argv, cwd],
    [repo, url],
    files,
    output ?? null,
    stdin === undefined ? null : [stdin.bytes, stdin.sha256],
    commit ?? null,
    plan.timeoutMs,
    ...(machine === undefined ? [] : [[machine.user, [...machine.env]]]),
  ]);
  return sha256Hex(Buffer.from(text, "utf8"));
}
