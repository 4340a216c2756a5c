import { CodedError } from "../../wire/errors.ts";
import { command } from "./command.ts";

export const agent = command({
  path: ["agent"],
  about: "Serve this machine as an agent of a fleet, until SIGTERM or SIGINT.",
  options: {
    "allow-root": {
      kind: "switch",
      about: "Run as root, which operations that run as several users need (or agent.allow_root in daemon.json)",
    },
  },
  examples: [
    ["agent init --template=fleet_readonly", "Write a first policy for this machine"],
    ["agent", "Serve it"],
  ],
  more: 'The same as `cmd2host serve` with "agent" in daemon.json, but it says so when something is missing.',
  run: async ({ "allow-root": allowRoot }, context) => {
    const { settings } = await context.daemon.settings(context.base());
    const own = (settings as { readonly agent?: { readonly allowRoot: boolean } }).agent;
    if (own === undefined)
      throw new CodedError("agent_config_invalid", 'daemon.json has no "agent", so this machine is none', {
        hint: "Run `cmd2host agent init`.",
      });
    if (process.getuid?.() === 0 && !allowRoot && !own.allowRoot)
      throw new CodedError("agent_config_invalid", "the agent is started as root, and nobody said that it may", {
        hint: 'Start it as a user that may do what the policy needs, or say so: --allow-root, or "allow_root": true in agent of daemon.json.',
      });
    return { exit: await context.daemon.serve(context.environment), human: "", json: null };
  },
});
