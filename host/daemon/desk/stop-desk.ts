import type { Approvals } from "../../approval/approvals.ts";
import type { KillSwitch } from "../../limits/kill-switch.ts";
import type { StopDesk } from "../../page/desk.ts";
import type { RunStore } from "../../runs/run-store.ts";
import type { Viewer } from "../../runs/runs.ts";

const OWNER: Viewer = { kind: "owner" };
const NOTE = "everything was stopped";

/** The kill switch, on the page: first nothing new begins, then what waits is denied, then what runs is ended. */
export function stopDesk(killSwitch: KillSwitch, approvals: Approvals, runs: RunStore): StopDesk {
  return {
    list: () =>
      killSwitch.list().map(({ project, at, note }) => ({
        project,
        since: at === "" ? 0 : Date.parse(at),
        by: note,
      })),
    stop: async (project) =>
      Promise.resolve().then(() => {
        killSwitch.stop(project, "");
        const isMeant = (one: string | undefined): boolean => project === undefined || one === project;
        approvals.denyAll(({ plan }) => isMeant(plan.project), NOTE, "page");
        for (const run of runs.list(OWNER))
          if (run.state === "running" && isMeant(run.project)) runs.cancel(OWNER, run.run_id);
      }),
    resume: async (project) =>
      Promise.resolve().then(() => {
        killSwitch.resume(project);
      }),
  };
}
