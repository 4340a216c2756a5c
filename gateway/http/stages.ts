/** Where the time of one request went: each stage is the time since the mark before it, in milliseconds. */
export class Stages {
  readonly #began = performance.now();
  readonly #stages = new Map<string, number>();
  #last = this.#began;

  mark(stage: string): void {
    const now = performance.now();
    this.#stages.set(stage, now - this.#last);
    this.#last = now;
  }

  /** The profile that a client gets who asked for it, with what the link and the agent say of theirs. */
  profile(timings: ReadonlyMap<string, number>): object {
    const total = performance.now() - this.#began;
    return { stages: { _total: total, ...Object.fromEntries([...this.#stages, ...timings]) }, total_ms: total };
  }
}

/** The profile of a last page that was fetched by its token: nobody counted the time of all the pages. */
export function lastProfile(timings: ReadonlyMap<string, number>): object {
  return { stages: Object.fromEntries(timings), total_ms: 0 };
}

/** Whether a request asks for a profile. */
export function asksForProfile(header: string | undefined): boolean {
  return header === "true" || header === "1";
}
