import type { Shape, Wanted } from "./shapes.ts";

/** How a gateway is set up: commando.md §14. Its targets are `a` (live), `bad` (wrong key), `down` (port closed), `nopsk`, `n/app` (live), `n/off` (stopped). */
export interface Fixture {
  readonly mode: "cli" | "mcp";
  readonly pageTimeoutMs: number;
  readonly pageMaxBytes: number;
  readonly idleMs: number;
  readonly perTarget: number;
  /** Of the agent behind `a` and `n/app`. */
  readonly ofAgent: number;
}

export const FIXTURE: Fixture = {
  mode: "cli",
  pageTimeoutMs: 2_000,
  pageMaxBytes: 1_000,
  idleMs: 15_000,
  perTarget: 2,
  ofAgent: 3,
};

/** A request. In texts, `{NAME}` stands for what an earlier step kept. */
export interface Ask {
  readonly method?: string;
  readonly path: string;
  /** Default: the gateway's key. */
  readonly authorization?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** As it is; or an object, which is sent as JSON with its content type. */
  readonly body?: string | object;
}

/** What is expected of an answer. */
export interface Expected {
  readonly status: number;
  readonly kind?: "json" | "text" | "empty";
  /** Header values; null: not there. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly json?: Shape | Wanted;
}

/** All pages of a command, put together. */
export interface ExpectedReading {
  readonly stdout: string;
  readonly stderr: string;
  readonly last: Shape | Wanted;
}

export type Step =
  | {
      readonly ask: Ask;
      readonly expect: Expected;
      /** Keeps what the first group of a pattern finds in the answer, under a name. */
      readonly keep?: Readonly<Record<string, string>>;
      /** Asks again until the answer is as expected. */
      readonly until?: boolean;
    }
  /** Requests at the same time; their answers are as expected in some order. */
  | { readonly together: readonly Ask[]; readonly expect: readonly Expected[] }
  /** A command and all of its pages. */
  | { readonly read: Ask; readonly expect: ExpectedReading };

/** A conformance case of commando.md §14, or a part of one. */
export interface Case {
  readonly number: number;
  readonly title: string;
  readonly fixture?: Partial<Fixture>;
  readonly steps: readonly Step[];
}
