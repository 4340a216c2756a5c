import { createHash } from "node:crypto";
import { isAbsolute } from "node:path";
import type { Transport } from "../../wire/names.ts";
import type { GatewayConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";
import { readTrusted } from "../../host/util/read-trusted.ts";
import type { Remarks } from "./remarks.ts";
import type { CallerSettings } from "./settings.ts";
import { holdGlob } from "./target-section.ts";

type CallerFields = NonNullable<GatewayConfig["callers"]>[number];

/** The caller that the original's one key stands for. */
export const DEFAULT_CALLER = "default";
const API_KEY = "/server/api_key";

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
/** Longer ones are refused when they are presented, too. */
export const MAX_KEY_BYTES = 4_096;
/** What an Authorization header carries whole. */
const KEY = /^[\x21-\x7e]+$/;
const GUESSABLE_BELOW = 16;
const TIME_WITH_OFFSET = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

function hashOf(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

function holdKey(key: string, pointer: string, remarks: Remarks): string {
  if (!KEY.test(key) || key.length > MAX_KEY_BYTES)
    throw remarks.wrong(
      pointer,
      `expected a key of 1 to ${MAX_KEY_BYTES} printable characters of ASCII without blanks`,
    );
  if (key.length < GUESSABLE_BELOW)
    remarks.warn(pointer, `the key is shorter than ${GUESSABLE_BELOW} characters, and can be guessed`);
  return hashOf(key);
}

function keyInFile(path: string, pointer: string, remarks: Remarks): string {
  if (!isAbsolute(path)) throw remarks.wrong(pointer, "expected an absolute path");
  const file = readTrusted(path, MAX_KEY_BYTES);
  if (file === undefined) throw remarks.wrong(pointer, `${quoted(path)} does not exist`);
  if ((file.identity.mode & 0o004n) !== 0n)
    remarks.warn(pointer, `everybody on this machine can read ${quoted(path)} (chmod o-r)`);
  return holdKey(file.bytes.toString("utf8").trim(), pointer, remarks);
}

function keyHashOf(fields: CallerFields, pointer: string, remarks: Remarks): string {
  const { key, key_file: keyFile, key_sha256: keyHash } = fields;
  const [first, second] = (["key_file", "key_sha256", "key"] as const).filter((name) => fields[name] !== undefined);
  if (first === undefined) throw remarks.wrong(pointer, "expected one of key_file, key_sha256, key");
  if (second !== undefined) throw remarks.wrong(`${pointer}/${second}`, `contradicts ${first}; choose one`);
  if (keyFile !== undefined) return keyInFile(keyFile, `${pointer}/key_file`, remarks);
  if (keyHash !== undefined) {
    if (!/^[0-9a-f]{64}$/i.test(keyHash))
      throw remarks.wrong(`${pointer}/key_sha256`, "expected a SHA-256 in 64 hex digits");
    return keyHash.toLowerCase();
  }
  remarks.warn(`${pointer}/key`, "the key stands in the file as it is; key_sha256 or key_file is safer");
  return holdKey(key ?? "", `${pointer}/key`, remarks);
}

function expiryOf(text: string | undefined, pointer: string, now: number, remarks: Remarks): number | undefined {
  if (text === undefined) return undefined;
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const at = isDate || TIME_WITH_OFFSET.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  if (Number.isNaN(at))
    throw remarks.wrong(pointer, `expected a date, or a time with Z or an offset, got ${quoted(text)}`);
  if (at <= now) remarks.warn(pointer, "this is over: the key is refused");
  return at;
}

function callerOf(fields: CallerFields, pointer: string, now: number, remarks: Remarks): CallerSettings {
  const { name, targets = [], tags = [], operations = [], approval = [], rate } = fields;
  if (!NAME.test(name))
    throw remarks.wrong(
      `${pointer}/name`,
      `expected a small letter and at most 31 of a-z 0-9 _ -, got ${quoted(name)}`,
    );
  const globs = (all: readonly string[], key: string): readonly string[] =>
    all.map((glob, index) => holdGlob(glob, `${pointer}/${key}/${index}`, remarks));
  if (targets.length === 0 && tags.length === 0 && fields.admin !== true)
    remarks.warn(pointer, `${name} has neither targets nor tags, and may use no target`);
  return {
    name,
    keyHash: keyHashOf(fields, pointer, remarks),
    isAdmin: fields.admin === true,
    targets: globs(targets, "targets"),
    tags,
    operations: globs(operations, "operations"),
    approval: globs(approval, "approval"),
    limits: {
      rate: rate === undefined ? undefined : { runs: rate.runs, perMs: rate.per_secs * 1_000 },
      concurrent: fields.concurrent,
      perDay: fields.per_day,
    },
    expiresAt: expiryOf(fields.expires, `${pointer}/expires`, now, remarks),
  };
}

/** Of the original's one key. */
function defaultKeyHash(key: string, remarks: Remarks): string | undefined {
  if (key === "") remarks.warn(API_KEY, "it is empty, so nobody can have it");
  else if (key.length < GUESSABLE_BELOW)
    remarks.warn(API_KEY, `the key is shorter than ${GUESSABLE_BELOW} characters, and can be guessed`);
  return key === "" ? undefined : hashOf(key);
}

/** Who has the original's one key, or speaks over standard input: may use everything, but change nothing. */
function defaultCaller(keyHash: string | undefined): CallerSettings {
  return {
    name: DEFAULT_CALLER,
    keyHash,
    isAdmin: false,
    targets: ["**"],
    tags: [],
    operations: ["**"],
    approval: [],
    limits: { rate: undefined, concurrent: undefined, perDay: undefined },
    expiresAt: undefined,
  };
}

/**
 * Who may use the gateway. Over standard input nobody presents a key: whoever started the gateway is the caller `default`, with the rights of the
 * caller of that name, or, when there is none, with those of the original.
 * @param apiKey the original's key, if there is one
 * @param now milliseconds since 1970
 * @throws CodedError `gateway_config_invalid`; `config_untrusted`, `file_failed` for a file of a key
 */
export function callerSettings(
  fields: readonly CallerFields[],
  apiKey: string | undefined,
  transport: Transport,
  now: number,
  remarks: Remarks,
): readonly CallerSettings[] {
  const callers = apiKey === undefined ? [] : [defaultCaller(defaultKeyHash(apiKey, remarks))];
  const names = new Map(callers.map(({ name }) => [name, API_KEY]));
  const keys = new Map(callers.flatMap(({ keyHash }) => (keyHash === undefined ? [] : [[keyHash, API_KEY]])));
  const where = (pointer: string): string => {
    const line = remarks.lineOf(pointer);
    return pointer === API_KEY ? "server.api_key or COMMANDO_API_KEY" : `the caller in line ${line ?? 0}`;
  };
  fields.forEach((one, index) => {
    const pointer = `/callers/${index}`;
    const caller = callerOf(one, pointer, now, remarks);
    const twice = names.get(caller.name);
    if (twice !== undefined)
      throw remarks.wrong(`${pointer}/name`, `${quoted(caller.name)} is the name of ${where(twice)} too`);
    const sameKey = keys.get(caller.keyHash ?? "");
    if (sameKey !== undefined) throw remarks.wrong(pointer, `has the same key as ${where(sameKey)}`);
    names.set(caller.name, `${pointer}/name`);
    keys.set(caller.keyHash ?? "", pointer);
    callers.push(caller);
  });
  return transport === "stdio" && !names.has(DEFAULT_CALLER) ? [defaultCaller(undefined), ...callers] : callers;
}
