import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { Stop } from "../../terminal/stop.ts";
import { command } from "./command.ts";
import { serviceManager } from "./service-manager.ts";

function linesOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CodedError("usage", `--lines ${quoted(text)} is no number of lines`, { hint: "Write --lines=100." });
}

export const serviceLogs = command({
  path: ["service", "logs"],
  about: "Write the last lines of the daemon's log: of the journal, or of its file on macOS.",
  options: {
    follow: { kind: "switch", short: "f", about: "Go on with what comes, until Ctrl-C" },
    lines: { kind: "text", short: "n", about: "So many last lines", placeholder: "NUMBER", default: "50" },
  },
  examples: [
    ["service logs", "Why does it not start?"],
    ["service logs -f -n 0", "Watch what is asked for now"],
  ],
  more: "Exits with the exit code of journalctl or tail.",
  run: async ({ follow, lines }, context) => {
    const number = linesOf(lines);
    const { platform, tools } = serviceManager(context);
    const [tool, ...args] = platform.log(number, follow);
    const stop = new Stop(process);
    const output = {
      write: async (stream: "stdout" | "stderr", bytes: Buffer) =>
        context.direct.write(stream, bytes).catch(() => {
          stop.stop(0);
        }),
    };
    return context.direct.report(async () => {
      const exit = await tools.show(tool, args, output, stop.signal);
      return stop.exit ?? exit;
    });
  },
});
