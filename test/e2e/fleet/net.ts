import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { atEnd } from "../../fixtures/temp.ts";

/**
 * Hosts of a network that is only here: each is a network namespace with one interface, on a bridge that stands in a namespace of its own, so nothing is added to
 * the machine's own network. Needs root, ip and nft.
 */

const PREFIX = "c2hf";
const DIRECTORY = "/run/netns";
const SUBNET = "10.77.0";
let networks = 0;

/** Runs a program to its end. */
function run(file: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: ${stderr.trim()}\n${input}`);
  return stdout;
}

/** When a process began, in ticks since the machine did: with its number it is unique. Undefined for one that is gone. */
function beginning(pid: number): string | undefined {
  try {
    // Behind the name, which may hold anything: the state is the third field, the beginning the 22nd.
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
  } catch {
    return undefined;
  }
}

function namespaces(): readonly string[] {
  try {
    return readdirSync(DIRECTORY).filter((name) => name.startsWith(`${PREFIX}-`));
  } catch {
    return [];
  }
}

/** The processes in a network namespace. */
function processesIn(namespace: string): readonly number[] {
  const inside = `net:[${statSync(`${DIRECTORY}/${namespace}`).ino}]`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return (
          readlinkSync(`/proc/${name}/ns/net`) === inside &&
          !readFileSync(`/proc/${name}/stat`, "utf8").includes(") Z ")
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Ends what runs in a namespace, and takes it away. */
function removeNamespace(name: string): void {
  for (const pid of processesIn(name))
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  run("ip", ["netns", "del", name]);
}

/** Takes away the networks of runs that are gone: a crash leaves them, with everything that runs there. */
export function sweepNetworks(): void {
  for (const name of namespaces()) {
    const [, pid = "", began = ""] = name.split("-");
    if (beginning(Number(pid)) !== began) removeNamespace(name);
  }
}

/** One host of a network. What is done to its way to others lasts until it is undone. */
export class Host {
  /** Its host name. */
  readonly name: string;
  readonly address: string;
  readonly #namespace: string;
  readonly #bridge: string;
  readonly #port: string;

  constructor(namespace: string, bridge: string, number: number) {
    this.#namespace = namespace;
    this.#bridge = bridge;
    this.#port = `v${number}`;
    this.name = `host${number}`;
    this.address = `${SUBNET}.${number}`;
    run("ip", ["netns", "add", namespace]);
    run("ip", ["-n", namespace, "link", "set", "lo", "up"]);
    const veth = ["link", "add", this.#port, "type", "veth", "peer", "name", "eth0", "netns", namespace];
    run("ip", ["-n", bridge, ...veth]);
    run("ip", ["-n", bridge, "link", "set", this.#port, "master", "br0", "up"]);
    run("ip", ["-n", namespace, "addr", "add", `${this.address}/24`, "dev", "eth0"]);
    run("ip", ["-n", namespace, "link", "set", "eth0", "up"]);
  }

  /** What stands in front of a command line that is to run on this host. Its process is the program's own in the end. */
  get entrance(): readonly [string, ...string[]] {
    // A file that may not grow is to be an error, as on a full disk, and not the end of the process.
    const named = 'trap "" XFSZ; echo "$0" > /proc/sys/kernel/hostname && exec "$@"';
    return [...this.#inside, "unshare", "--uts", "sh", "-c", named, this.name];
  }

  get #inside(): readonly [string, ...string[]] {
    return ["nsenter", `--net=${DIRECTORY}/${this.#namespace}`];
  }

  /** Drops everything between this host and another, both ways, without a word to either. */
  cut(other: Host): void {
    this.#filter(other, [
      `chain in { type filter hook input priority 0; ip saddr ${other.address} drop; }`,
      `chain out { type filter hook output priority 0; ip daddr ${other.address} drop; }`,
    ]);
  }

  /** Answers every packet of TCP to another host with a reset: connections break, and new ones are refused. */
  reject(other: Host): void {
    this.#filter(other, [
      `chain out { type filter hook output priority 0; ip daddr ${other.address} meta l4proto tcp reject with tcp reset; }`,
    ]);
  }

  /** Ends what `cut` or `reject` began. */
  heal(other: Host): void {
    this.#nft(`delete table inet ${tableFor(other)}`);
  }

  /** Loses so many of a hundred packets, both ways. */
  lose(percent: number): void {
    this.#nft(`table inet loss {
      chain in { type filter hook input priority 0; numgen random mod 100 < ${percent} drop; }
      chain out { type filter hook output priority 0; numgen random mod 100 < ${percent} drop; }
    }`);
  }

  /** Ends what `lose` began. */
  loseNothing(): void {
    this.#nft("delete table inet loss");
  }

  /** Sends no faster, for example "1mbit". */
  slowDown(rate: string): void {
    this.#tc("replace", "root", "tbf", "rate", rate, "burst", "32kbit", "latency", "400ms");
  }

  /** Ends what `slowDown` began. */
  speedUp(): void {
    this.#tc("del", "root");
  }

  /** Pulls the cable out. */
  unplug(): void {
    run("ip", ["-n", this.#bridge, "link", "set", this.#port, "down"]);
  }

  plug(): void {
    run("ip", ["-n", this.#bridge, "link", "set", this.#port, "up"]);
  }

  /** What runs there, but for what has ended and waits to be taken note of. */
  get processes(): readonly number[] {
    return processesIn(this.#namespace);
  }

  #filter(other: Host, chains: readonly string[]): void {
    this.#nft(`table inet ${tableFor(other)} {\n${chains.join("\n")}\n}`);
  }

  #nft(rules: string): void {
    const [file, ...args] = this.#inside;
    run(file, [...args, "nft", "-f", "-"], rules);
  }

  #tc(what: string, ...rest: readonly string[]): void {
    const [file, ...args] = this.#inside;
    run(file, [...args, "tc", "qdisc", what, "dev", "eth0", ...rest]);
  }
}

function tableFor({ address }: Host): string {
  return `to_${address.replaceAll(".", "_")}`;
}

/** Makes hosts that reach each other. They go when the test or file that made them ends, with all that runs there. */
export function makeNetwork(size: number): readonly Host[] {
  sweepNetworks();
  const name = `${PREFIX}-${process.pid}-${beginning(process.pid) ?? ""}-${++networks}`;
  const bridge = `${name}-bridge`;
  atEnd(() => {
    for (const namespace of namespaces()) if (namespace.startsWith(`${name}-`)) removeNamespace(namespace);
  });
  run("ip", ["netns", "add", bridge]);
  run("ip", ["-n", bridge, "link", "add", "br0", "type", "bridge"]);
  run("ip", ["-n", bridge, "link", "set", "br0", "up"]);
  return Array.from({ length: size }, (_, index) => new Host(`${name}-${index + 1}`, bridge, index + 1));
}
