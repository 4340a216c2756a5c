import { parseArgs } from "node:util";
import { ask, type Answer } from "../fixtures/ask.ts";

/**
 * What the original's command line does with a gateway, written from commando.md §12 and not from our code: which requests it sends, what it makes of the
 * answers, and how it exits.
 */

export interface CliResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly COMMANDO_URL?: string;
  readonly COMMANDO_API_KEY?: string;
}

interface Parsed {
  readonly command: string;
  readonly words: readonly string[];
  readonly timeout: number | undefined;
  readonly workDir: string | undefined;
  readonly profile: boolean;
}

class Usage extends Error {}

/** What makes the program say `error: …` and exit with 1. */
class Failure extends Error {}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  502: "Bad Gateway",
};

const WORDS = new Map([
  ["exec", 2],
  ["list", 0],
  ["ping", 1],
]);

function parsed(args: readonly string[]): Parsed {
  const [command = "", ...rest] = args;
  const count = WORDS.get(command);
  if (count === undefined) throw new Usage(`unrecognized subcommand '${command}'`);
  const options = { timeout: { type: "string" }, workdir: { type: "string" }, profile: { type: "boolean" } } as const;
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: command === "exec" ? options : {},
      allowPositionals: true,
    });
    const given: { readonly timeout?: string; readonly workdir?: string; readonly profile?: boolean } = values;
    if (positionals.length !== count) throw new Usage("wrong number of arguments");
    if (given.timeout !== undefined && !/^\d+$/.test(given.timeout)) throw new Usage("invalid number");
    const timeout = given.timeout === undefined ? undefined : Number(given.timeout);
    return { command, words: positionals, timeout, workDir: given.workdir, profile: given.profile === true };
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : "usage");
  }
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function errorOf({ text }: Answer): string {
  const { error } = fieldsOf(text);
  return typeof error === "string" ? error : "unknown error";
}

function textIn(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

/** Numbers of an object, by name. */
function stagesIn(profile: unknown): readonly (readonly [string, number])[] {
  const { stages } = profile as { readonly stages?: Readonly<Record<string, unknown>> };
  return Object.entries(stages ?? {})
    .flatMap(([name, value]) => (typeof value === "number" ? [[name, value] as const] : []))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

class Profile {
  #roundtrip = 0;
  #parse = 0;
  #extra = 0;
  #pages = 0;
  #gateway: unknown;
  readonly #began = performance.now();

  page(roundtrip: number, parse: number, fields: Readonly<Record<string, unknown>>): void {
    this.#pages++;
    if (this.#pages === 1) [this.#roundtrip, this.#parse] = [roundtrip, parse];
    else this.#extra += roundtrip;
    this.#gateway = fields["_profile"] ?? this.#gateway;
  }

  text(): string {
    const row = (name: string, ms: number): string => `  ${name.padEnd(24)}${ms.toFixed(2).padStart(8)}ms`;
    const total = (this.#gateway as { readonly total_ms?: number } | undefined)?.total_ms ?? 0;
    const lines = [
      "",
      "──────── profile ────────",
      "client",
      row("http_roundtrip", this.#roundtrip),
      row("parse_response", this.#parse),
      ...(this.#pages > 1 ? [row(`extra_pages (${this.#pages - 1})`, this.#extra)] : []),
      row("total", performance.now() - this.#began),
      "gateway",
      ...stagesIn(this.#gateway ?? {}).map(([name, ms]) => row(name, ms)),
      row("total", total),
      `pages: ${this.#pages}`,
      "─────────────────────────",
    ];
    return `${lines.join("\n")}\n`;
  }
}

interface Gateway {
  readonly url: string;
  readonly key: string;
}

async function send({ url, key }: Gateway, path: string, body?: object, profile = false): Promise<Answer> {
  // The address is used as it is, so one that ends with a slash gives two.
  return ask(url, `${url.slice(new URL(url).origin.length)}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(profile ? { "X-Commando-Profile": "1" } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function isGood({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

async function exec(gateway: Gateway, { words, timeout, workDir, profile }: Parsed): Promise<CliResult> {
  const [target = "", command = ""] = words;
  const body = {
    target,
    command,
    ...(timeout === undefined ? {} : { timeout }),
    ...(workDir === undefined ? {} : { work_dir: workDir }),
  };
  const times = new Profile();
  let [stdout, stderr] = ["", ""];
  let path: string | undefined;
  for (;;) {
    const began = performance.now();
    const answer = path === undefined ? await send(gateway, "/api/exec", body, profile) : await send(gateway, path);
    const came = performance.now();
    if (!isGood(answer))
      throw new Failure(`${errorOf(answer)} (HTTP ${answer.status} ${REASONS[answer.status] ?? ""})`);
    const fields = fieldsOf(answer.text);
    times.page(came - began, performance.now() - came, fields);
    stdout += textIn(fields, "stdout");
    stderr += textIn(fields, "stderr");
    const { exit_code: code, next_page: next } = fields;
    if (typeof code === "number") {
      if (profile) stderr += times.text();
      return { exit: code & 0xff, stdout, stderr };
    }
    if (typeof next !== "string") throw new Failure("neither exit_code nor next_page");
    path = `/api/exec?page=${next}`;
  }
}

async function list(gateway: Gateway): Promise<CliResult> {
  const answer = await send(gateway, "/api/targets");
  if (!isGood(answer)) throw new Failure(errorOf(answer));
  const rows = JSON.parse(answer.text) as readonly Readonly<Record<string, string>>[];
  const lines = rows.map(({ name, status, host }) => `${name ?? ""}\t${status ?? ""}\t${host ?? ""}\n`);
  return { exit: 0, stdout: lines.join(""), stderr: "" };
}

async function ping(gateway: Gateway, [target = ""]: readonly string[]): Promise<CliResult> {
  const answer = await send(gateway, `/api/ping/${target}`);
  if (!isGood(answer)) throw new Failure(errorOf(answer));
  const { target: name, latency_ms: ms, version } = fieldsOf(answer.text);
  return { exit: 0, stdout: `pong from ${String(name)} in ${String(ms)}ms (v${String(version)})\n`, stderr: "" };
}

/** Runs the program with some arguments and environment variables. */
export async function commando(args: readonly string[], environment: Surroundings): Promise<CliResult> {
  try {
    const what = parsed(args);
    const { COMMANDO_URL: url, COMMANDO_API_KEY: key } = environment;
    if (url === undefined) throw new Failure("COMMANDO_URL is not set");
    if (key === undefined) throw new Failure("COMMANDO_API_KEY is not set");
    const gateway = { url, key };
    if (what.command === "exec") return await exec(gateway, what);
    return what.command === "list" ? await list(gateway) : await ping(gateway, what.words);
  } catch (error) {
    if (error instanceof Usage) return { exit: 2, stdout: "", stderr: `error: ${error.message}\n` };
    if (error instanceof Failure) return { exit: 1, stdout: "", stderr: `error: ${error.message}\n` };
    throw error;
  }
}
