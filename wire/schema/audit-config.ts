import { Type } from "typebox";
import { AUDIT_ARGV, AUDIT_SYNC } from "../names.ts";
import { oneOf } from "./common.ts";

/** Of daemon.json: the audit. */

export const AuditSchema = Type.Object(
  {
    enabled: Type.Optional(
      Type.Boolean({
        description:
          "false: no audit is kept, only the lines of the daemon's log, and operations run even when those are lost. Default: true.",
      }),
    ),
    argv: Type.Optional(
      oneOf(
        AUDIT_ARGV,
        "The command lines of operations in the audit. full: as they are, cut at 16 KB. digest: their SHA-256. none: nothing of them. Default: full.",
      ),
    ),
    sync: Type.Optional(
      oneOf(
        AUDIT_SYNC,
        "When records are forced to the disk. each: before the operation starts. batch: they are written before it starts, and forced within a second, so a power cut can lose the last second. never: when the system does it. Default: batch.",
      ),
    ),
    file_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Bytes of one file; then another one is begun. Default (also for 0): 33554432.",
      }),
    ),
    max_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Disk space for all files, in bytes; the oldest go first. Default (also for 0): 1073741824.",
      }),
    ),
    max_files: Type.Optional(
      Type.Integer({ minimum: 0, description: "Most files; the oldest go first. Default (also for 0): 1000." }),
    ),
    key_file: Type.Optional(
      Type.String({
        description:
          "Absolute path of the Ed25519 key that signs the head, made at the first start. Default: keys/audit-ed25519 in the base directory.",
      }),
    ),
    head_file: Type.Optional(
      Type.String({
        description: "Absolute path of the signed head. Default: keys/audit-head in the base directory.",
      }),
    ),
    syslog: Type.Optional(
      Type.String({
        description:
          "Where a copy of each record goes as syslog (RFC 5424): udp://HOST:PORT, tcp://HOST:PORT, or unix:/PATH for a stream socket. Default: nowhere.",
      }),
    ),
    otlp: Type.Optional(
      Type.Object(
        {
          endpoint: Type.Optional(
            Type.String({ description: "http or https URL that takes OTLP logs as JSON, usually ending in /v1/logs." }),
          ),
          headers: Type.Optional(
            Type.Record(Type.String(), Type.String(), { description: "Headers of each request, for example a key." }),
          ),
        },
        { description: "Where a copy of each record goes as an OpenTelemetry log. Default: nowhere." },
      ),
    ),
  },
  { description: "The tamper-evident record of decisions and endings." },
);
