import { CodedError } from "../../wire/errors.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { isWanted, oldestLines } from "../audit/entries.ts";
import { parseStored, type Stored } from "../audit/stored.ts";
import { reading } from "../audit/reading.ts";
import { AUDIT_FILTERS, wantedOf } from "./audit-filters.ts";
import { auditPlaces } from "./audit-places.ts";
import { command } from "./command.ts";

/** Members that have a column. */
const COLUMNS = [
  "seq",
  "time",
  "kind",
  "id",
  "verdict",
  "outcome",
  "code",
  "message",
  "rule",
  "approver",
  "session",
  "transport",
  "peer",
  "request_id",
  "caller",
  "route",
  "project",
  "config",
  "operation",
  "target",
  "target_source",
  "node",
  "argv",
  "argv_more",
  "argv_sha256",
  "cwd",
  "stdin_sha256",
  "env",
  "env_more",
  "exit_code",
  "ms",
  "stdout_bytes",
  "stderr_bytes",
  "stdout_sha256",
  "stderr_sha256",
  "redacted",
  "note",
  "prev",
  "hash",
] as const;

/** Bytes that are gathered before they are written. */
const BLOCK = 65_536;

/** One cell of RFC 4180. What a spreadsheet would take for a formula is made text. */
function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = printable(typeof value === "string" ? value : JSON.stringify(value));
  const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvLine({ members }: Stored): string {
  const of = (name: string): unknown => (Object.hasOwn(members, name) ? members[name] : undefined);
  return `${COLUMNS.map((name) => csvCell(of(name))).join(",")}\r\n`;
}

export const auditExport = command({
  path: ["audit", "export"],
  about: "Write records to standard output, the oldest first.",
  options: {
    ...AUDIT_FILTERS,
    format: { kind: "text", about: "jsonl, the lines as they are, or csv", placeholder: "FORMAT", default: "jsonl" },
  },
  examples: [
    ["audit export > audit.jsonl", "A copy; with all records in it, other tools can verify its chain"],
    ["audit export --format=csv --since=30d > audit.csv", "The last month for a spreadsheet"],
  ],
  more: "In CSV, characters that could steer a terminal are written as escapes, and text that a spreadsheet would take for a formula has ' in front.",
  run: async ({ format, ...filters }, context) => {
    const wanted = wantedOf(filters);
    if (format !== "jsonl" && format !== "csv")
      throw new CodedError("usage", `--format ${quoted(shortened(format, 60))} is no format`, {
        hint: "Write --format=jsonl or --format=csv.",
      });
    const { directory } = await auditPlaces(context);
    const { direct } = context;
    return direct.report(async () =>
      reading(async () => {
        let block = format === "csv" ? `${COLUMNS.join(",")}\r\n` : "";
        for (const { bytes } of oldestLines(directory)) {
          const record = parseStored(bytes);
          if (record === undefined || !isWanted(record, wanted)) continue;
          const line = bytes.toString("utf8");
          block += format === "csv" ? csvLine(record) : `${context.stdoutIsTerminal ? printable(line) : line}\n`;
          if (block.length < BLOCK) continue;
          await direct.write("stdout", Buffer.from(block));
          block = "";
        }
        await direct.write("stdout", Buffer.from(block));
        return 0;
      }),
    );
  },
});
