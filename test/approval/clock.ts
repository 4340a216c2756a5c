import type { Clock } from "../../host/util/deadline.ts";

/** Two clocks that go when they are told to. */
export class TestClock implements Clock {
  wallMs = 1_800_000_000_000;
  steadyMs = 5_000;

  readonly wall = (): number => this.wallMs;
  readonly steady = (): number => this.steadyMs;

  /** Both, as they usually do. */
  pass(ms: number): void {
    this.wallMs += ms;
    this.steadyMs += ms;
  }
}
