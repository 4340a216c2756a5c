import type { OutcomeFields } from "../../wire/schema.ts";

/** The hops behind the client, in the order of the way there, and how the names of their stages begin. `rpc` is the way to an agent of commando. */
const HOPS = [
  ["gateway", "gateway"],
  ["link", "link"],
  ["link", "rpc"],
  ["agent", "agent"],
] as const;
/** Marks of the client, in their order. */
const MARKS = ["connect", "accepted", "first_byte"] as const;

const WIDTH = 37;
const MAX_STAGES = 32;
const STAGE = /^[a-z]+_[a-z][a-z_]{0,40}$/;

function ruled(title: string): string {
  return title.padStart(Math.floor((WIDTH + title.length) / 2), "─").padEnd(WIDTH, "─");
}

function row(name: string, ms: number): string {
  return `  ${name.padEnd(24)}${ms.toFixed(2).padStart(8)}ms`;
}

/** What the others said of their time, as rows of one hop. */
function stagesOf(prefix: string, timings: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(timings)
    .filter(([name, ms]) => name.startsWith(`${prefix}_`) && STAGE.test(name) && Number.isFinite(ms))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MAX_STAGES)
    .map(([name, ms]) => row(name.slice(prefix.length + 1), ms));
}

/** Where the time of a call went, laid out as the original's: for each hop what is known of it, each stage from the one before. */
export class ExecProfile {
  readonly #began = performance.now();
  readonly #marks = new Map<(typeof MARKS)[number], number>();

  /** Notes that something has happened now; the first time counts. */
  mark(name: (typeof MARKS)[number]): void {
    if (!this.#marks.has(name)) this.#marks.set(name, performance.now());
  }

  text({ timings = {} }: Pick<OutcomeFields, "timings">): string {
    const now = performance.now();
    let last = this.#began;
    const since = (at: number): number => {
      const spent = at - last;
      last = at;
      return spent;
    };
    const client = [
      row("start", this.#began),
      ...MARKS.flatMap((name) => {
        const at = this.#marks.get(name);
        return at === undefined ? [] : [row(name, since(at))];
      }),
      row("end", since(now)),
      row("total", now),
    ];
    const others = HOPS.flatMap(([hop, prefix]) => {
      const stages = stagesOf(prefix, timings);
      return stages.length === 0 ? [] : [hop, ...stages];
    });
    const lines = ["", ruled(" profile "), "client", ...client, ...others, "pages: 1", "─".repeat(WIDTH)];
    return lines.map((line) => `${line}\n`).join("");
  }
}
