import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { build } from "esbuild";
import { listen } from "../../nats/listen.ts";
import { projectRoot } from "../fixtures/temp.ts";
import { machine, heard } from "./machines.ts";
import { bundledPeer, startPeer } from "./programs.ts";
import { dial } from "../../nats/dial.ts";
import { describeNats, startServer, until } from "./servers.ts";

/** Bun, where the executable was built once. */
function bunProgram(): string | undefined {
  const root = join(projectRoot, "dist-executable/bun");
  try {
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(`bun-linux-${process.arch}/bin/bun`))
      .map((path) => join(root, path))[0];
  } catch {
    return undefined;
  }
}

const bun = bunProgram();
const runtimes: readonly (readonly [string, string | undefined])[] = [
  ["Node", process.execPath],
  [bun === undefined ? "SKIPPED, AS IT IS NOT THERE: Bun" : "Bun", bun],
];

describeNats("the bundled room", () => {
  for (const [name, runtime] of runtimes)
    it.skipIf(runtime === undefined)(`dials and listens on ${name}`, async () => {
      const [server, program] = await Promise.all([startServer(), bundledPeer()]);
      const nats = await machine(server, "echo");
      const listener = listen(nats, "echo", (connection) => connection.pipe(connection));
      await nats.connection.flush();
      const { said } = await startPeer(program, [server.address, "asker", "ask"], runtime);
      await until("it said it", () => said() === "over NATS\n");
      listener.close();
      const { child } = await startPeer(program, [server.address, "far", "echo"], runtime);
      const near = await dial(nats, "far", AbortSignal.timeout(20_000));
      near.end(Buffer.alloc(5_000_000, 9));
      expect((await heard(near)).bytes).toBe(5_000_000);
      const other = await dial(nats, "far", AbortSignal.timeout(20_000));
      const closed = new Promise((resolve) => other.once("close", resolve));
      other.on("error", () => undefined);
      child.kill("SIGKILL");
      await until("it is gone", () => child.signalCode !== null);
      // Its server tells at once; the next heartbeat would be in five seconds.
      while (!other.destroyed) {
        other.write("x");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await closed;
    });

  it("costs nothing where it is not used: the road to it loads the client when it is opened", async () => {
    const { metafile } = await build({
      entryPoints: [join(projectRoot, "nats/road.ts")],
      outdir: join(projectRoot, "out"),
      bundle: true,
      splitting: true,
      write: false,
      metafile: true,
      platform: "node",
      target: "node20",
      format: "esm",
      mainFields: ["module", "main"],
      logLevel: "error",
    });
    const { outputs } = metafile;
    const libraries = (path: string): boolean =>
      Object.keys(outputs[path]?.inputs ?? {}).some((input) => input.includes("node_modules/@nats-io"));
    const all = Object.keys(outputs);
    const entry = all.find((path) => path.endsWith("/road.js")) ?? "";
    const atOnce = [
      entry,
      ...(outputs[entry]?.imports ?? []).filter(({ kind }) => kind === "import-statement").map(({ path }) => path),
    ];
    expect(atOnce.filter(libraries)).toEqual([]);
    expect(all.some(libraries)).toBe(true);
  });
});
