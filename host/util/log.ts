import pino from "pino";
import pretty from "pino-pretty";
import { printable, shortened } from "../../wire/text.ts";

type Field = string | number | boolean | undefined;

/** What the daemon says about itself. Values are made printable here, so nothing from outside can steer a terminal or forge a line. */
export interface Log {
  info(event: string, fields?: Readonly<Record<string, Field>>): void;
  warn(event: string, fields?: Readonly<Record<string, Field>>): void;
  error(event: string, fields?: Readonly<Record<string, Field>>): void;
}

const MAX_FIELD_BYTES = 4_096;

function safe(fields: Readonly<Record<string, Field>>): Record<string, Field> {
  const out: Record<string, Field> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined)
      out[name] = typeof value === "string" ? printable(shortened(value, MAX_FIELD_BYTES)) : value;
  }
  return out;
}

/** The time as ISO 8601, in pino's form. The part down to the second is made once a second. */
function timestamps(): () => string {
  let second = 0;
  let prefix = "";
  return () => {
    const now = Date.now();
    const current = Math.floor(now / 1_000);
    if (current !== second) {
      second = current;
      prefix = `,"time":"${new Date(current * 1_000).toISOString().slice(0, -4)}`;
    }
    return `${prefix}${String(now % 1_000).padStart(3, "0")}Z"`;
  };
}

/** Human lines when `human`, JSON lines otherwise. Written at once, so that a crash loses none. */
export function createLog(descriptor: number, human: boolean): Log {
  const options = { base: null, timestamp: timestamps(), formatters: { level: (level: string) => ({ level }) } };
  const logger = human
    ? pino(
        options,
        pretty({
          destination: descriptor,
          sync: true,
          colorize: process.env["NO_COLOR"] === undefined,
          translateTime: "SYS:HH:MM:ss.l",
          singleLine: true,
          ignore: "pid,hostname",
        }),
      )
    : pino(options, pino.destination({ fd: descriptor, sync: true }));
  return {
    info: (event, fields = {}) => {
      logger.info(safe(fields), event);
    },
    warn: (event, fields = {}) => {
      logger.warn(safe(fields), event);
    },
    error: (event, fields = {}) => {
      logger.error(safe(fields), event);
    },
  };
}
