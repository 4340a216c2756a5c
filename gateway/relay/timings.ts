/** Where the time of a call went, by stage, in milliseconds. */
export type Timings = Readonly<Record<string, number>>;

const MAX_STAGES = 16;
/** Only of itself may an agent say something. */
const OF_AGENT = /^agent_[a-z_]{1,32}$/;

/** What of a target's timings is handed on: a few numbers, about the target itself. */
export function agentTimings(timings: Timings): Timings {
  const kept = Object.entries(timings).filter(([name, ms]) => OF_AGENT.test(name) && Number.isFinite(ms) && ms >= 0);
  return Object.fromEntries(kept.slice(0, MAX_STAGES));
}

/** True when the caller wants to know. */
export function wantsTimings(message: object): boolean {
  return Object.getOwnPropertyDescriptor(message, "timings")?.value === true;
}
