import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeFields, RunInfo } from "../../../wire/schema.ts";
import { atEnd, tempDirectory } from "../../fixtures/temp.ts";
import type { Host } from "./net.ts";
import { asked, AuditReader, cmd2host, environmentOf, ran } from "./program.ts";
import { Running, Served, until, type Ended } from "./running.ts";

const HTTP_PORT = 9_877;
const LINK_PORT = 9_878;
const AGENT_PORT = 9_876;

/** Seconds that a link may be silent: fewer than by default, or each test would take a minute. */
export const LEASE = 6;

function needed({ exit, stdout, stderr }: Ended, what: string): string {
  if (exit !== 0) throw new Error(`${what}: ${exit ?? "killed"}\n${stdout}${stderr}`);
  return stdout;
}

function change(file: string, of: (text: string) => string): void {
  writeFileSync(file, of(readFileSync(file, "utf8")), { mode: 0o600 });
}

/** Starts what serves until it is stopped; resolves when it listens. */
async function serve(host: Host, base: string, args: readonly string[], listens: RegExp): Promise<Served> {
  const served = new Served(host, cmd2host(...args), environmentOf(base));
  await until(`${args.join(" ")} listens`, () => {
    if (served.hasEnded) throw new Error(`${args.join(" ")}: ${served.stdout}${served.stderr}`);
    return listens.test(served.stdout);
  });
  return served;
}

/** How a command line of `exec` ended, as its last line says. */
export interface Said extends Ended {
  readonly outcome: OutcomeFields;
  readonly seconds: number;
}

export interface GatewayParts {
  /** Further lines of gateway.toml. */
  readonly tables?: string;
  /** In seconds. */
  readonly lease?: number;
}

/** A gateway, which callers on its own host and on others ask. */
export class GatewayMachine {
  readonly host: Host;
  readonly directory = join(tempDirectory(), "gw");
  readonly audit: AuditReader;
  #served: Served | undefined;

  private constructor(host: Host) {
    this.host = host;
    this.audit = new AuditReader(host, this.state);
    atEnd(async () => this.#served?.end("SIGKILL").then(() => undefined));
  }

  static async start(host: Host, { tables = "", lease = LEASE }: GatewayParts = {}): Promise<GatewayMachine> {
    const gateway = new GatewayMachine(host);
    const places = [
      `--dir=${gateway.directory}`,
      `--bind=${host.address}`,
      `--port=${HTTP_PORT}`,
      `--link-port=${LINK_PORT}`,
    ];
    needed(await ran(host, environmentOf("/nonexistent"), "gateway", "init", ...places), "gateway init");
    const [link, leased] = [`\nport = ${LINK_PORT}\n`, `\nport = ${LINK_PORT}\nlease_secs = ${lease}\n`];
    change(gateway.#config, (text) => `${text.replace(link, leased)}\n${tables}`);
    await gateway.start();
    return gateway;
  }

  /** Where it keeps what it knows: its key, its machines, its audit. */
  get state(): string {
    return join(this.directory, "state");
  }

  get #config(): string {
    return join(this.directory, "gateway.toml");
  }

  /** Where agents that dial out come. */
  get linkAddress(): string {
    return `${this.host.address}:${LINK_PORT}`;
  }

  /** The process of now. */
  get served(): Served {
    if (this.#served === undefined) throw new Error("the gateway was not started");
    return this.#served;
  }

  /** Starts it, also again after it has ended. */
  async start(): Promise<void> {
    this.#served = await serve(
      this.host,
      "/nonexistent",
      ["gateway", `--config=${this.#config}`],
      /cmd2host gateway listening on/,
    );
  }

  get url(): string {
    return `http://${this.host.address}:${HTTP_PORT}`;
  }

  get #adminKeyFile(): string {
    return join(this.directory, "admin.key");
  }

  get adminKey(): string {
    return readFileSync(this.#adminKeyFile, "utf8").trim();
  }

  /** What leads a command line to it. @param keyFile of a caller; without it, the administrator's */
  environment(keyFile = this.#adminKeyFile): NodeJS.ProcessEnv {
    return environmentOf("/nonexistent", {
      CMD2HOST_GATEWAY: this.url,
      CMD2HOST_GATEWAY_KEY_FILE: keyFile,
    });
  }

  /** A command line that asks it, on its own host. */
  async ran(...args: readonly string[]): Promise<Ended> {
    return ran(this.host, this.environment(), ...args);
  }

  async asked<T>(...args: readonly string[]): Promise<T> {
    return asked<T>(this.host, this.environment(), ...args);
  }

  /** `cmd2host exec` with a command for a machine's shell. */
  exec(target: string, command: string, ...more: readonly string[]): Exec {
    return new Exec(this.host, cmd2host("exec", target, command, "--json", ...more), this.environment());
  }

  /** `cmd2host exec` with the operation `keep`, which goes on when its client has gone. */
  keep(target: string, command: string): Exec {
    const words = ["exec", target, "--operation=keep", `--param=command=${command}`, "--json"];
    return new Exec(this.host, cmd2host(...words), this.environment());
  }

  /** What a machine says of a run. */
  async run(id: string, target: string): Promise<{ readonly run: RunInfo }> {
    return this.asked("runs", "show", id, `--target=${target}`);
  }

  /** All of a run's standard output that a machine has kept. */
  async outputOf(id: string, target: string): Promise<string> {
    const { stdout } = await this.ran("runs", "show", id, `--target=${target}`, "--output", "--stream=stdout");
    return stdout;
  }

  async untilReached(...names: readonly string[]): Promise<void> {
    await until(`${names.join(", ")} answer`, async () => (await this.ran("ping", ...names)).exit === 0);
  }
}

/** A command line that runs a command on a machine. */
export class Exec extends Running {
  /** How it ended, and what is said of it. */
  async said(): Promise<Said> {
    const ended = await this.ended;
    const line = ended.stderr.split("\n").find((one) => one.startsWith("{"));
    if (line === undefined) throw new Error(`no outcome: ${ended.exit ?? "killed"} ${ended.stderr}`);
    return { ...ended, outcome: JSON.parse(line) as OutcomeFields, seconds: this.seconds };
  }
}

export interface AgentParts {
  readonly tags?: readonly string[];
  /** It dials out, and nobody can connect to it. */
  readonly dials?: boolean;
  /** More members of `agent` in daemon.json. */
  readonly agent?: object;
}

/** A machine with an agent. Its policy is fleet_shell, and `keep`: a shell that goes on when its client has gone. */
export class AgentMachine {
  readonly host: Host;
  readonly name: string;
  readonly base = join(tempDirectory(), "agent");
  readonly audit: AuditReader;
  #served: Served | undefined;

  private constructor(host: Host, name: string) {
    this.host = host;
    this.name = name;
    this.audit = new AuditReader(host, this.base);
    atEnd(async () => this.#served?.end("SIGKILL").then(() => undefined));
  }

  /** Sets it up and starts it. No gateway knows it yet. */
  static async start(host: Host, name: string, { dials = false, agent = {} }: AgentParts = {}): Promise<AgentMachine> {
    const machine = new AgentMachine(host, name);
    const place = dials ? "--dial-only" : `--listen=${host.address}:${AGENT_PORT}`;
    const init = ["agent", "init", "--template=fleet_shell", "--allow-root", `--name=${name}`, place];
    needed(await machine.own(...init), "agent init");
    change(join(machine.base, "daemon.json"), (text) => {
      const config = JSON.parse(text) as { readonly agent: object };
      return JSON.stringify({ ...config, drain_timeout: 3, agent: { ...config.agent, ...agent } });
    });
    change(join(machine.base, "projects/machine/config.json"), (text) => {
      const config = JSON.parse(text) as { readonly allowed_operations: string[]; readonly operations: object };
      const keep = { shell: "bash", on_disconnect: "finish", timeout: 300, description: "A shell that goes on." };
      return JSON.stringify({
        ...config,
        allowed_operations: [...config.allowed_operations, "keep"],
        operations: { ...config.operations, keep },
      });
    });
    needed(await machine.own("config", "allow", "machine"), "config allow");
    await machine.start();
    return machine;
  }

  /** Makes it known to a gateway: by a code of its own when it listens, else by an invitation. */
  async enrol(gateway: GatewayMachine, { tags = [], dials = false }: AgentParts = {}): Promise<void> {
    const about = [`--name=${this.name}`, ...tags.map((tag) => `--tag=${tag}`)];
    if (dials) {
      const { code } = await gateway.asked<Code>("fleet", "invite", ...about, `--address=${gateway.linkAddress}`);
      needed(await this.own("agent", "enroll", code), "agent enroll");
    } else {
      const { code } = await asked<Code>(this.host, environmentOf(this.base), "agent", "enroll");
      needed(await gateway.ran("fleet", "add", code, ...about), "fleet add");
    }
  }

  /** The process of now. */
  get served(): Served {
    if (this.#served === undefined) throw new Error("the agent was not started");
    return this.#served;
  }

  /** Starts it, also again after it has ended. */
  async start(): Promise<void> {
    this.#served = await serve(this.host, this.base, ["agent"], /"msg":"cmd2host listening on/);
  }

  /** A command line of its owner. */
  async own(...args: readonly string[]): Promise<Ended> {
    return ran(this.host, environmentOf(this.base), ...args);
  }

  /** What runs on its host besides the agent: commands, and what they have started. */
  get commands(): readonly number[] {
    return this.host.processes.filter((pid) => pid !== this.#served?.pid);
  }

  async untilNoCommands(): Promise<void> {
    await until(`nothing runs on ${this.name}`, () => this.commands.length === 0);
  }
}

interface Code {
  readonly code: string;
}

/** What a run is known as: by the one who called, the gateway's audit, the machine's audit, and the machine's own word of it. */
export interface Truth {
  readonly caller: Readonly<Record<string, unknown>>;
  readonly gateway: Readonly<Record<string, unknown>>;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly kept: Readonly<Record<string, unknown>>;
}

/** All that is known of a run that has come to its end, which is the same everywhere. Both audits are verified. */
export async function truthOf(gateway: GatewayMachine, machine: AgentMachine, { outcome }: Said): Promise<Truth> {
  const id = outcome.run_id ?? "";
  const common = { verdict: "permit", caller: "admin", target: machine.name };
  const recorded = async (audit: AuditReader): Promise<Readonly<Record<string, unknown>>> => {
    const { decision, outcome: end } = await audit.of(id);
    for (const [name, value] of Object.entries(common))
      if (decision?.[name] !== value) throw new Error(`${id}: ${name} is recorded as ${String(decision?.[name])}`);
    return counts(end ?? {});
  };
  const { run } = await gateway.run(id, machine.name);
  if (!(await gateway.audit.isGood()) || !(await machine.audit.isGood())) throw new Error("an audit does not verify");
  return {
    caller: counts({ ...outcome }),
    gateway: await recorded(gateway.audit),
    machine: await recorded(machine.audit),
    kept: counts({ ...run, outcome: run.state, stdout_bytes: run.stdout.bytes }),
  };
}

function counts(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(["outcome", "code", "exit_code", "stdout_bytes"].map((name) => [name, fields[name]]));
}

/** The truth of a run that came to its own end, and of whose output nothing is missing anywhere. */
export function whole(exitCode: number, stdoutBytes: number): Truth {
  const end = { outcome: "completed", code: undefined, exit_code: exitCode, stdout_bytes: stdoutBytes };
  return { caller: end, gateway: end, machine: end, kept: end };
}

/** A gateway on the first host, and agents on the others. */
export interface Fleet {
  readonly gateway: GatewayMachine;
  readonly agents: Readonly<Record<string, AgentMachine>>;
}

/** Starts a fleet: each name with what its machine is. Resolves when all answer. */
export async function startFleet(
  [first, ...others]: readonly Host[],
  machines: Readonly<Record<string, AgentParts>>,
  parts: GatewayParts = {},
): Promise<Fleet> {
  if (first === undefined) throw new Error("a gateway needs a host");
  const [gateway, ...agents] = await Promise.all([
    GatewayMachine.start(first, parts),
    ...Object.entries(machines).map(async ([name, parts], index) => {
      const host = others[index];
      if (host === undefined) throw new Error(`there is no host for ${name}`);
      return AgentMachine.start(host, name, parts);
    }),
  ]);
  for (const agent of agents) await agent.enrol(gateway, machines[agent.name]);
  await gateway.untilReached(...agents.map(({ name }) => name));
  return { gateway, agents: Object.fromEntries(agents.map((agent) => [agent.name, agent])) };
}

/** @throws Error when there is no such machine */
export function machineOf({ agents }: Fleet, name: string): AgentMachine {
  const found = agents[name];
  if (found === undefined) throw new Error(`there is no machine ${name}`);
  return found;
}
