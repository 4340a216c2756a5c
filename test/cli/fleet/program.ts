import { spawn, type StdioOptions } from "node:child_process";
import { join } from "node:path";
import { buildProgram } from "../../contract/routes-process.ts";
import { projectRoot } from "../../fixtures/temp.ts";
import { wordsOf } from "../../fixtures/tested-program.ts";
import { CallProcess, type Ended } from "../call-program.ts";

/** The command line as processes. */
export class Program {
  readonly words: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;

  private constructor(words: readonly [string, ...string[]], environment: NodeJS.ProcessEnv) {
    this.words = words;
    this.environment = environment;
  }

  /** Builds it. @param environment what leads it to a gateway */
  static async build(environment: NodeJS.ProcessEnv): Promise<Program> {
    const { PATH } = process.env;
    return new Program(wordsOf(await buildProgram()), { PATH, CMD2HOST_CONFIG_DIR: "/nonexistent", ...environment });
  }

  /** The same in another environment. */
  with(environment: NodeJS.ProcessEnv): Program {
    return new Program(this.words, { ...this.environment, ...environment });
  }

  /** Without `stdio`, standard input is empty and the rest is read. */
  start(args: readonly string[], stdio: StdioOptions = ["ignore", "pipe", "pipe"]): CallProcess {
    const [file, ...first] = this.words;
    return new CallProcess(spawn(file, [...first, ...args], { env: this.environment, stdio, cwd: "/" }));
  }

  /** Runs it to its end. */
  async run(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** With this as standard input. */
  async fed(input: Buffer | string, ...args: string[]): Promise<Ended> {
    const running = this.start(args, ["pipe", "pipe", "pipe"]);
    running.child.stdin?.end(input);
    return running.ended;
  }

  /** On a terminal of its own; what was shown is standard output. @param steps what is waited for, and what is typed then */
  async onTerminal(steps: readonly (readonly [text: string, keys: string])[], ...args: string[]): Promise<Ended> {
    const script = steps.map((step) => `${step.map((part) => JSON.stringify(part)).join("\t")}\n`).join("");
    const terminal = join(projectRoot, "test/fixtures/terminal.py");
    const running = new CallProcess(
      spawn("python3", [terminal, ...this.words, ...args], {
        env: { ...this.environment, TERM: "xterm" },
        stdio: ["pipe", "pipe", "pipe"],
        cwd: "/",
      }),
    );
    running.child.stdin?.end(script);
    return running.ended;
  }

  /** A line of shell in which `$C` stands for the program. */
  shell(script: string): CallProcess {
    const env = { ...this.environment, C: this.words.join(" ") };
    return new CallProcess(spawn("/bin/bash", ["-c", script], { env, stdio: ["ignore", "pipe", "pipe"] }));
  }
}
