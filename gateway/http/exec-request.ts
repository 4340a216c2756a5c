import { jsonValue, members } from "./json-value.ts";
import { Rejection } from "./rejection.ts";

const MAX_U32 = 4_294_967_295;
/** The order of the members when they come as an array. */
const ORDER = ["target", "command", "timeout", "work_dir"];
const MANDATORY = 2;

/** What `POST /api/exec` asks for. */
export interface ExecRequest {
  readonly target: string;
  readonly command: string;
  readonly timeoutSeconds: number | undefined;
  readonly workDir: string;
}

function wrong(what: string): Rejection {
  return new Rejection(422, `Failed to deserialize the JSON body into the target type: ${what}`);
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  if (!Array.isArray(value)) {
    const fields = members(value);
    if (fields === undefined) throw wrong("expected an object");
    return fields;
  }
  if (value.length < MANDATORY || value.length > ORDER.length)
    throw wrong(`an array of ${value.length} elements, expected ${MANDATORY} to ${ORDER.length}: ${ORDER.join(", ")}`);
  return new Map(value.map((one: unknown, index) => [ORDER[index] ?? "", one]));
}

function textOf(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw wrong(`missing field \`${name}\``);
  if (typeof value !== "string") throw wrong(`${name}: expected a string`);
  return value;
}

function timeoutOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_U32) return value;
  throw wrong("timeout: expected a whole number of seconds from 0 to 4294967295");
}

/**
 * Reads the body of `POST /api/exec`. Unknown members are ignored.
 * @throws Rejection 400 when it is no JSON, 422 when a member is missing or of the wrong type
 */
export function execRequest(body: Buffer): ExecRequest {
  const json = jsonValue(body);
  if (json === undefined) throw new Rejection(400, "Failed to parse the request body as JSON");
  const fields = fieldsOf(json.value);
  const workDir = fields.get("work_dir") ?? "";
  if (typeof workDir !== "string") throw wrong("work_dir: expected a string");
  return {
    target: textOf(fields, "target"),
    command: textOf(fields, "command"),
    timeoutSeconds: timeoutOf(fields.get("timeout")),
    workDir,
  };
}
