import { CodedError } from "../../wire/errors.ts";
import { readJsonFile } from "../../wire/parse.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { writeAtomic } from "../util/write-atomic.ts";

const MAX_DAEMON_FILE = 262_144;

/**
 * Says in daemon.json that the agent may run as root. Everything else in it stays.
 * @throws CodedError `daemon_config_invalid`, `agent_config_invalid`, `config_untrusted`, `file_failed`
 */
export function allowRoot(file: string): void {
  const bytes = readTrusted(file, MAX_DAEMON_FILE)?.bytes ?? Buffer.from("{}");
  const read = readJsonFile("daemon_config", bytes, file);
  if (!read.ok) throw new CodedError("daemon_config_invalid", `Daemon config error: ${read.fault.message}`);
  const { agent } = read.value;
  if (agent === undefined || agent.allow_root === true) return;
  // As it is written: the names of members are read without regard to case.
  const entries = Object.entries(read.raw as object).map(([name, value]: [string, unknown]) =>
    name.toLowerCase() === "agent" ? [name, allowing(value as object)] : [name, value],
  );
  writeAtomic(file, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}

function allowing(agent: object): object {
  const others = Object.entries(agent).filter(([name]) => name.toLowerCase() !== "allow_root");
  return { ...Object.fromEntries(others), allow_root: true };
}
