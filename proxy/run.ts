import { realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Readable, Writable } from "node:stream";
import { checkoutAt } from "../wire/checkout.ts";
import { DaemonClient } from "../wire/client.ts";
import { CodedError, errnoOf } from "../wire/errors.ts";
import { Foreground } from "../terminal/foreground.ts";
import { standInExit, standInLine, standInLines } from "../wire/stand-in-ending.ts";
import type { Signals } from "../terminal/stop.ts";
import { addressOf, tokenOf } from "../wire/whereabouts.ts";
import { parseLine, USAGE, type StandInLine } from "./line.ts";
import { findGit, isLocalGit, runGit } from "./local-git.ts";

/** Replaced by the bundler. */
declare const CMD2HOST_VERSION: string | undefined;

const EXIT_TROUBLE = 200;
const EXIT_NO_TOKEN = 201;
const EXIT_READER_GONE = 141;
const EXIT_NOT_FOUND = 127;
/** Where the feature and setup mount the socket's directory. */
const NEAR_SOCKET = "/run/cmd2host/cmd2host.sock";

export interface StandInSurroundings {
  /** The path that the program was called by. */
  readonly called: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly signals: Signals;
  readonly stdin: Readable | undefined;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

type Command = Extract<StandInLine, { kind: "command" }>;

function nearSocket(): string | undefined {
  return statSync(NEAR_SOCKET, { throwIfNoEntry: false })?.isSocket() === true ? NEAR_SOCKET : undefined;
}

/** Runs one command on the host, with its output on ours. */
class StandIn {
  readonly #command: Command;
  readonly #around: StandInSurroundings;
  readonly #foreground: Foreground;

  constructor(command: Command, around: StandInSurroundings) {
    this.#command = command;
    this.#around = around;
    this.#foreground = new Foreground(around, (error) => {
      const isReaderGone = errnoOf(error) === "EPIPE";
      if (!isReaderGone) this.#say(`cannot write standard output: ${errnoOf(error) ?? error.message}`);
      this.#foreground.stop.stop(isReaderGone ? EXIT_READER_GONE : EXIT_TROUBLE);
    });
  }

  async run(): Promise<number> {
    return this.#foreground.run(async () => this.#exitCode());
  }

  #say(text: string): void {
    void this.#foreground.stderr.write(Buffer.from(`${standInLine(text)}\n`));
  }

  async #exitCode(): Promise<number> {
    const { environment } = this.#around;
    const { where } = this.#command;
    let token: string;
    try {
      token = await tokenOf(where.tokenFile, environment);
    } catch (error) {
      return this.#trouble(error, EXIT_NO_TOKEN);
    }
    try {
      return await this.#streamed(new DaemonClient(addressOf(where, environment, nearSocket), token));
    } catch (error) {
      return this.#trouble(error, EXIT_TROUBLE);
    }
  }

  async #streamed(client: DaemonClient): Promise<number> {
    const { words, targetRepo = this.#around.environment["HOST_CMD_PROXY_TARGET_REPO"] } = this.#command;
    const shown = { stdout: 0, stderr: 0 };
    const outcome = await client.stream(
      { argv: words, targetRepo, cwd: checkoutAt(this.#around.cwd) },
      {
        output: {
          write: (name, bytes): Promise<void> | undefined => {
            shown[name] += bytes.length;
            return (name === "stdout" ? this.#foreground.stdout : this.#foreground.stderr).write(bytes);
          },
        },
        notice: ({ text }) => {
          this.#say(text);
        },
        stdin: this.#around.stdin,
        signal: this.#foreground.stop.signal,
      },
    );
    // Who ended it knows that it was ended.
    if (this.#foreground.stop.exit === undefined)
      for (const line of standInLines(outcome, shown)) void this.#foreground.stderr.write(Buffer.from(`${line}\n`));
    return standInExit(outcome);
  }

  #trouble(error: unknown, exit: number): number {
    if (!(error instanceof CodedError)) throw error;
    const { code, message, hint } = error;
    if (this.#foreground.stop.exit === undefined || code !== "cancelled")
      this.#say(exit === EXIT_TROUBLE ? `daemon request failed: ${message}` : message);
    if (hint !== "" && this.#foreground.stop.exit === undefined) this.#say(`hint: ${hint}`);
    return exit;
  }
}

async function localGit(
  { words }: Command,
  { called, environment, signals, stderr }: StandInSurroundings,
): Promise<number> {
  const ours = [called, realpathSync(called), environment["CMD2HOST_STAND_IN"] ?? ""];
  const git = findGit(environment["PATH"] ?? "", ours);
  if (git !== undefined) return runGit(git, words.slice(1), signals);
  stderr.write(
    `${standInLine("git: there is no git of the container's own on PATH, and only push, fetch, pull and ls-remote go to the host")}\n`,
  );
  return EXIT_NOT_FOUND;
}

/** True when it was called by the command's name, and not asked by its own to run the command on the host. */
function standsForIt({ called, environment }: StandInSurroundings): boolean {
  return basename(called) === "git" || basename(environment["CMD2HOST_STAND_IN"] ?? "") === "git";
}

/** Runs the stand-in. Returns the exit code. */
export async function run(around: StandInSurroundings): Promise<number> {
  let line: StandInLine;
  try {
    line = parseLine(around.called, around.args);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    around.stderr.write(`${standInLine(error.message)}\n\n${USAGE}`);
    return EXIT_TROUBLE;
  }
  switch (line.kind) {
    case "help":
      around.stdout.write(USAGE);
      return 0;
    case "version":
      around.stdout.write(
        `cmd2host-proxy version ${typeof CMD2HOST_VERSION === "string" ? CMD2HOST_VERSION : "dev"}\n`,
      );
      return 0;
    case "command": {
      const [name, ...words] = line.words;
      if (name === "git" && standsForIt(around) && isLocalGit(words)) return localGit(line, around);
      return new StandIn(line, around).run();
    }
  }
}
