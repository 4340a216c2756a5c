import { join } from "node:path";
import { projectRoot } from "../../fixtures/temp.ts";
import { EXECUTABLE, wordsOf } from "../../fixtures/tested-program.ts";
import type { Host } from "./net.ts";
import { Running, type Ended } from "./running.ts";

/** What starts cmd2host: the built bundle, or the executable that CMD2HOST_TEST_PROGRAM names. */
const PROGRAM = wordsOf(EXECUTABLE ?? join(projectRoot, "dist/cmd2host.js"));

/** The words of a command line of cmd2host. */
export function cmd2host(...args: readonly string[]): readonly string[] {
  return [...PROGRAM, ...args];
}

/** An environment with nothing of ours in it but what is said. */
export function environmentOf(base: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: "/nonexistent", CMD2HOST_CONFIG_DIR: base, ...more };
}

/** Runs a command line of cmd2host to its end. */
export async function ran(host: Host, env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ended> {
  return new Running(host, cmd2host(...args), env).ended;
}

/** The same, with JSON as its answer. @throws Error when it fails */
export async function asked<T>(host: Host, env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<T> {
  const { exit, stdout, stderr } = await ran(host, env, ...args, "--json");
  if (exit !== 0) throw new Error(`${args.join(" ")}: ${exit ?? "killed"}\n${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

/** What an audit says of one request: its members, or undefined where there is no record. */
export interface Recorded {
  readonly decision: Readonly<Record<string, unknown>> | undefined;
  readonly outcome: Readonly<Record<string, unknown>> | undefined;
}

/** The records of one machine, read as its owner does. */
export class AuditReader {
  readonly #host: Host;
  readonly #env: NodeJS.ProcessEnv;

  constructor(host: Host, base: string) {
    this.#host = host;
    this.#env = environmentOf(base);
  }

  /** Newest first. */
  async all(): Promise<readonly Recorded[]> {
    const { entries } = await asked<{ readonly entries: readonly Partial<Recorded>[] }>(
      this.#host,
      this.#env,
      ...["audit", "list", "--limit=1000"],
    );
    return entries.map(({ decision, outcome }) => ({ decision, outcome }));
  }

  /** What is recorded of a run. */
  async of(id: string): Promise<Recorded> {
    const found = (await this.all()).filter(({ decision }) => decision?.["id"] === id);
    const [one] = found;
    if (found.length > 1) throw new Error(`${found.length} records of ${id}`);
    return one ?? { decision: undefined, outcome: undefined };
  }

  /** True when no record was changed, removed, moved or put in. */
  async isGood(): Promise<boolean> {
    return (await ran(this.#host, this.#env, "audit", "verify", "--json")).exit === 0;
  }

  /** What the audit says about itself: `started`, `interrupted` and the like. */
  async notes(): Promise<readonly string[]> {
    const { notes } = await asked<{ readonly notes: readonly { readonly note: string }[] }>(
      this.#host,
      this.#env,
      ...["audit", "verify"],
    );
    return notes.map(({ note }) => note);
  }
}
