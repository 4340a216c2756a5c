import { CodedError } from "../../wire/errors.ts";
import type { HistogramFields } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { prometheusText } from "../metrics/prometheus.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { asOwner } from "./owner-client.ts";
import { table } from "./table.ts";

function averageWords({ count, sum }: HistogramFields): string {
  return count === 0 ? "none yet" : `${((sum / count) * 1_000).toFixed(2)} ms on average, of ${count}`;
}

export const stats = command({
  path: ["stats"],
  about: "Show what the daemon counted since it started.",
  options: {
    project: { kind: "text", about: "Only the operations of this project", placeholder: "ID" },
    prometheus: { kind: "switch", about: "In the text format of Prometheus" },
    json: JSON_SWITCH,
  },
  examples: [
    ["stats", "Operations, denials and times"],
    ["stats --prometheus > cmd2host.prom", "For a collector of text files"],
  ],
  run: async ({ project, prometheus, json }, context) => {
    if (prometheus && json)
      throw new CodedError("usage", "--prometheus and --json do not go together", { hint: "Choose one." });
    const all = await asOwner(context.base(), async (owner) => owner.stats(project));
    if (prometheus) return { exit: 0, human: prometheusText(all), json: all };
    const operations = all.operations.map(({ project: of, operation, outcome, count }) => [
      printable(of),
      printable(operation),
      printable(outcome),
      String(count),
    ]);
    const denials = all.denials.map(({ code, count }) => [printable(code), String(count)]);
    return {
      exit: 0,
      human: [
        operations.length === 0
          ? "No operation ran.\n"
          : table([["PROJECT", "OPERATION", "OUTCOME", "COUNT"], ...operations]),
        denials.length === 0 ? "" : `\n${table([["DENIED OR FAILED", "COUNT"], ...denials])}`,
        `\nDecisions: ${averageWords(all.decision_seconds)}\n`,
        `Runs: ${averageWords(all.run_seconds)}; ${all.running} now\n`,
        `MCP sessions open: ${all.sessions}; approvals pending: ${all.pending_approvals}\n`,
        `Places masked: ${all.redactions}; records not written: ${all.audit_errors}\n`,
      ].join(""),
      json: all,
    };
  },
});
