/** Debian's `capnp` and `g++`, where they are installed. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../fixtures/temp.ts";

export const CPP = join(projectRoot, "test/capnp/cpp");
export const SCHEMA = join(CPP, "commando.capnp");

function has(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}

/** True where the Cap'n Proto compiler is. */
export const HAS_CAPNP = has("capnp");
/** True where programs with libcapnp can be built. */
export const HAS_LIBCAPNP = HAS_CAPNP && has("g++") && existsSync("/usr/include/capnp/rpc-twoparty.h");

/** Behind the title of a test that needs them. */
export function needing(isThere: boolean, packages: string): string {
  return isThere ? "" : ` (SKIPPED: install ${packages})`;
}

const run = promisify(execFile);

/** Builds client.c++ and server.c++ in a directory. */
export async function buildPeers(directory: string): Promise<void> {
  execFileSync("capnp", ["compile", `-oc++:${directory}`, `--src-prefix=${CPP}`, SCHEMA]);
  const common = ["-std=c++17", "-O0", `-I${directory}`, `-I${CPP}`];
  await run("g++", [...common, "-c", join(directory, "commando.capnp.c++"), "-o", join(directory, "schema.o")]);
  await Promise.all(
    ["client", "server"].map(async (name) =>
      run("g++", [
        ...common,
        join(CPP, `${name}.c++`),
        join(directory, "schema.o"),
        "-o",
        join(directory, name),
        ...["-lcapnp-rpc", "-lcapnp", "-lkj-async", "-lkj"],
      ]),
    ),
  );
}

/** What the compiler reads of a message whose root is a struct of the schema; undefined when it refuses it. */
export function decoded(message: Buffer, struct: string): unknown {
  const { status, stdout } = spawnSync("capnp", ["convert", "binary:json", SCHEMA, struct], { input: message });
  return status === 0 ? (JSON.parse(stdout.toString()) as unknown) : undefined;
}
