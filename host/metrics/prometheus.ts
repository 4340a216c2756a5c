import type { HistogramFields, Stats } from "../../wire/schema.ts";

type Labels = Readonly<Record<string, string>>;

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function sample(name: string, labels: Labels, value: number): string {
  const all = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${all.length === 0 ? "" : `{${all.join(",")}}`} ${value}\n`;
}

function family(name: string, type: string, about: string, samples: readonly string[]): string {
  return `# HELP ${name} ${about}\n# TYPE ${name} ${type}\n${samples.join("")}`;
}

function histogram(name: string, about: string, { buckets, count, sum }: HistogramFields): string {
  return family(name, "histogram", about, [
    ...buckets.map((bucket) => sample(`${name}_bucket`, { le: String(bucket.le) }, bucket.count)),
    sample(`${name}_bucket`, { le: "+Inf" }, count),
    sample(`${name}_sum`, {}, sum),
    sample(`${name}_count`, {}, count),
  ]);
}

/** What was counted, in Prometheus' text format 0.0.4. */
export function prometheusText(stats: Stats): string {
  const single = (name: string, type: string, about: string, value: number): string =>
    family(`cmd2host_${name}`, type, about, [sample(`cmd2host_${name}`, {}, value)]);
  return [
    family(
      "cmd2host_operations_total",
      "counter",
      "Operations that ran, by how they ended.",
      stats.operations.map(({ project, operation, outcome, count }) =>
        sample("cmd2host_operations_total", { project, operation, outcome }, count),
      ),
    ),
    family(
      "cmd2host_denials_total",
      "counter",
      "Requests that were denied or could not be served, by code.",
      stats.denials.map(({ code, count }) => sample("cmd2host_denials_total", { code }, count)),
    ),
    histogram("cmd2host_decision_seconds", "From the request to the decision.", stats.decision_seconds),
    histogram("cmd2host_run_seconds", "From the decision to the end of a run.", stats.run_seconds),
    single("running", "gauge", "Runs that go on.", stats.running),
    single("mcp_sessions", "gauge", "MCP sessions that are open.", stats.sessions),
    single("pending_approvals", "gauge", "Approvals that wait for a person.", stats.pending_approvals),
    single("redactions_total", "counter", "Places that were masked in outputs.", stats.redactions),
    single("audit_errors_total", "counter", "Records that could not be written.", stats.audit_errors),
    single("uptime_seconds", "gauge", "Since the daemon started.", stats.uptime_seconds),
  ].join("");
}
