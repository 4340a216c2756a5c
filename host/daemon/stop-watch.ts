import { attempt } from "../../wire/errors.ts";
import type { Noted } from "../audit/record.ts";
import type { KillSwitch, Stop } from "../limits/kill-switch.ts";

/**
 * Notes when the owner stops operations and lets them go on. Stops are files, which are set and taken back without the daemon, also while none runs:
 * it looks again and again. Denials do not wait for that.
 */
export class StopWatch {
  readonly #killSwitch: KillSwitch;
  readonly #noted: Noted;
  #known: ReadonlyMap<string, Stop> = new Map();

  constructor(killSwitch: KillSwitch, noted: Noted) {
    this.#killSwitch = killSwitch;
    this.#noted = noted;
  }

  look(): void {
    const stops = attempt<readonly Stop[] | undefined>(
      () => this.#killSwitch.list(),
      () => undefined,
    );
    // Cannot be read: everything is denied until it can, and those denials say so.
    if (stops === undefined) return;
    const now = new Map(stops.map((stop) => [stop.project ?? "", stop]));
    for (const [project, { at, note }] of now)
      if (this.#known.get(project)?.at !== at)
        this.#noted("operations_stopped", {
          project: project === "" ? undefined : project,
          stopped_at: at === "" ? undefined : at,
          said: note === "" ? undefined : note,
        });
    for (const project of this.#known.keys())
      if (!now.has(project)) this.#noted("operations_resumed", { project: project === "" ? undefined : project });
    this.#known = now;
  }
}
