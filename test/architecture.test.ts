import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "./fixtures/temp.ts";

interface Import {
  readonly from: string;
  /** A path from the root for our own files, else the package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const ROOMS = [
  "wire",
  "capnp",
  "terminal",
  "host",
  "gateway",
  "page",
  "link",
  "nats",
  "mcp",
  "proxy",
  "transfer",
  "executable",
];
const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\s+from\s+)?"([^"]+)";/gm;

function sources(): readonly string[] {
  return ROOMS.flatMap((room) =>
    readdirSync(join(projectRoot, room), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("generated"))
      .map((name) => join(room, name)),
  );
}

const imports: readonly Import[] = sources().flatMap((from) => {
  const text = readFileSync(join(projectRoot, from), "utf8");
  const found = [...text.matchAll(IMPORT)].map(([, type, to = ""]) => ({ to, typeOnly: type !== undefined }));
  const lazy = [...text.matchAll(/import\("([^"]+)"\)/g)].map(([, to = ""]) => ({ to, typeOnly: false }));
  return [...found, ...lazy].map(({ to, typeOnly }) => ({
    from,
    typeOnly,
    to: to.startsWith(".") ? normalize(join(dirname(from), to)) : to,
  }));
});

/** The room of a file: `wire`, `mcp`, or `host/NAME`. */
function roomOf(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "host" && second.includes(".") ? "host" : first === "host" ? `host/${second}` : first;
}

/** Which other rooms a room may import, besides itself. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  mcp: ["wire"],
  terminal: [],
  proxy: ["wire", "terminal"],
  transfer: ["wire", "host/util"],
  link: ["wire", "host/util"],
  capnp: ["wire"],
  // A road for links, and a receiver of audit records.
  nats: ["wire", "host/util", "host/audit"],
  "host/util": ["wire"],
  "host/redact": ["wire", "host/util"],
  "host/project": ["wire", "host/util", "host/redact"],
  "host/auth": ["wire", "host/util"],
  "host/target": ["wire", "host/util", "host/project"],
  "host/operation": ["wire", "host/util", "host/project"],
  "host/sanitize": ["wire", "host/util", "host/project"],
  "host/git": ["wire", "host/util", "host/exec"],
  "host/exec": ["wire", "host/util"],
  "host/audit": ["wire", "host/util"],
  "host/approval": ["wire", "host/util", "host/project"],
  "host/limits": ["wire", "host/util", "host/project"],
  "host/metrics": ["wire", "host/audit"],
  "host/notify": ["wire", "host/util", "host/exec", "host/approval"],
  "host/filter": ["wire", "host/util", "host/project"],
  "host/runs": ["wire", "host/util"],
  "host/engine": [
    "wire",
    "host/util",
    "host/project",
    "host/auth",
    "host/target",
    "host/operation",
    "host/sanitize",
    "host/git",
    "host/exec",
    "host/audit",
    "host/approval",
    "host/limits",
    "host/filter",
    "host/redact",
    "host/runs",
  ],
  "host/service": ["wire", "host/util", "host/exec"],
  "host/listen": ["wire", "host/util", "host/engine"],
  "host/exchange": ["wire", "host/util", "host/engine", "host/listen"],
  "host/page": ["wire", "host/util", "host/listen"],
  page: ["wire", "host/page"],
  "host/daemon": [
    "wire",
    "link",
    // Opened before the audit, whose records may take it.
    "nats",
    "host/agent",
    "host/fleet",
    "host/util",
    "host/project",
    "host/auth",
    "host/audit",
    "host/approval",
    "host/limits",
    "host/notify",
    "host/metrics",
    "host/exec",
    "host/git",
    "host/engine",
    "host/exchange",
    "host/listen",
    "host/page",
    "host/redact",
    "host/runs",
    "host/sanitize",
  ],
  gateway: [
    "wire",
    // Its tools, for the machines of a fleet.
    "mcp",
    "nats",
    "link",
    "capnp",
    "host/util",
    "host/audit",
    "host/approval",
    "host/daemon",
    "host/engine",
    "host/exchange",
    "host/limits",
    "host/listen",
    "host/project",
    "host/redact",
  ],
  "host/fleet": ["wire", "host/util"],
  "host/agent": [
    "wire",
    "nats",
    "link",
    "capnp",
    "host/util",
    // Its records may go over NATS as well.
    "host/audit",
    "host/auth",
    "host/engine",
    "host/exchange",
    "host/exec",
    "host/listen",
  ],
  "host/setup": ["wire", "host/util"],
  "host/box": ["wire", "host/util", "host/exec"],
  "host/cli": [
    "host/audit",
    "host/setup",
    "host/box",
    "wire",
    "terminal",
    "host/util",
    "host/project",
    "host/auth",
    "host/target",
    "host/metrics",
    "host/limits",
    "host/git",
    "host/exec",
    "host/sanitize",
    "host/service",
    "host/daemon",
    "host/fleet",
    // How this machine is an agent; codes of enrolment.
    "host/agent",
    "link",
    "nats",
    // Loaded when one is started, or when files come and go.
    "gateway",
    "transfer",
    // What a policy says of the cases beside it is judged by the pipeline's own steps.
    "host/engine",
  ],
  host: ["host/cli", "host/daemon"],
  executable: ["host", "mcp"],
};

/** The one file or room that may import a package; two where two jobs have nothing in common. */
const DOORS: Readonly<Record<string, string | readonly string[]>> = {
  // Lines of JSON pointers; files of a workspace that are changed in place.
  "jsonc-parser": ["wire/parse.ts", "host/setup/jsonc-text.ts"],
  "@clack/prompts": "host/cli/questions.ts",
  re2js: "host/util/pattern.ts",
  "@noble/hashes/blake3.js": "host/util/hash.ts",
  "@noble/hashes/utils.js": "host/util/hash.ts",
  "hash-wasm": "host/util/hash.ts",
  "@opentelemetry/api-logs": "host/audit/telemetry-sink.ts",
  "@opentelemetry/exporter-logs-otlp-http": "host/audit/telemetry-sink.ts",
  "@opentelemetry/resources": "host/audit/telemetry-sink.ts",
  "@opentelemetry/sdk-logs": "host/audit/telemetry-sink.ts",
  "proper-lockfile": "host/util/lock.ts",
  "write-file-atomic": "host/util/write-atomic.ts",
  // Other files of the room see its types only.
  "@nats-io/transport-node": ["nats/client.ts", "nats/credentials.ts"],
  "@nats-io/jetstream": ["nats/audit-stream.ts", "nats/audit-stream-set-up.ts"],
  // Operations; a program that the owner of the host started, and that has the terminal.
  "node:child_process": ["host/exec/run.ts", "host/exec/terminal.ts", "host/exec/left-alone.ts", "proxy/local-git.ts"],
  yargs: "host/cli/run.ts",
  "tar-stream": "transfer/",
  "@peculiar/x509": "link/certificate.ts",
  "reflect-metadata": "link/certificate.ts",
  hono: ["host/page/app.ts", "gateway/http/"],
  "hono/body-limit": "host/page/app.ts",
  "hono/cookie": "host/page/app.ts",
  "@hono/node-server": ["host/page/page-server.ts", "gateway/http/"],
  "@hono/node-server/utils/response": ["host/page/app.ts", "gateway/http/"],
  preact: "page/",
  "preact/hooks": "page/",
  "@preact/signals": "page/",
  pino: "host/util/log.ts",
  "pino-pretty": "host/util/log.ts",
  typebox: "wire/schema/",
  "smol-toml": "gateway/config/toml-file.ts",
  "@modelcontextprotocol/server": ["mcp/", "gateway/mcp/"],
  "@modelcontextprotocol/server/stdio": ["mcp/", "gateway/mcp/"],
  zod: ["mcp/", "gateway/mcp/"],
};

describe("the architecture", () => {
  it("lets every room import only the rooms that its row names", () => {
    const wrong = imports.filter(({ from, to }) => {
      if (!/^(wire|capnp|terminal|host|gateway|link|nats|page|mcp|proxy|transfer|executable|test|scripts)\//.test(to))
        return false;
      const [own, other] = [roomOf(from), roomOf(to)];
      return own !== other && !(MAY[own] ?? []).includes(other);
    });
    expect(wrong).toEqual([]);
  });

  it("lets listeners see only the types of the engine", () => {
    expect(
      imports.filter(
        ({ from, to, typeOnly }) => roomOf(from) === "host/listen" && roomOf(to) === "host/engine" && !typeOnly,
      ),
    ).toEqual([]);
  });

  it("lets the browser's side of the page see only the types of the daemon's", () => {
    expect(
      imports.filter(({ from, to, typeOnly }) => roomOf(from) === "page" && roomOf(to) === "host/page" && !typeOnly),
    ).toEqual([]);
  });

  it("gives every library one door", () => {
    for (const [name, door] of Object.entries(DOORS)) {
      const users = [
        ...new Set(imports.filter(({ to, typeOnly }) => to === name && !typeOnly).map(({ from }) => from)),
      ];
      const doors = [door].flat();
      const isDoor = (user: string): boolean =>
        doors.some((one) => user === one || (one.endsWith("/") && user.startsWith(one)));
      expect([name, users.filter((user) => !isDoor(user))]).toEqual([name, []]);
    }
  });

  it("keeps the compiled validators behind wire/parse.ts and the schema builder out of the programs", () => {
    const generated = imports.filter(({ to }) => to === "wire/generated/validate.js").map(({ from }) => from);
    expect([...new Set(generated)]).toEqual(["wire/parse.ts"]);
    expect(imports.filter(({ to, typeOnly }) => to === "wire/schema.ts" && !typeOnly)).toEqual([]);
    const inside = (path: string): boolean => path.startsWith("wire/schema/");
    const past = imports.filter(({ from, to }) => inside(to) && !inside(from) && from !== "wire/schema.ts");
    expect(past).toEqual([]);
  });

  it("has no import cycle", () => {
    const graph = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports) if (!typeOnly) graph.set(from, [...(graph.get(from) ?? []), to]);
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file))
        throw new Error(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(" → ")}`);
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) walk(next, [...path, file]);
      done.add(file);
    };
    for (const file of graph.keys()) walk(file, []);
  });

  it("keeps nothing at module level that could change", () => {
    const mutable = sources().filter((file) =>
      /^(?:export )?let /m.test(readFileSync(join(projectRoot, file), "utf8")),
    );
    expect(mutable).toEqual([]);
  });

  it("keeps rooms small enough for one person to hold", () => {
    // This is a table.
    const long = sources().filter(
      (file) => file !== "wire/codes.ts" && readFileSync(join(projectRoot, file), "utf8").split("\n").length > 320,
    );
    expect(long).toEqual([]);
  });

  it("makes a plan in one place only", () => {
    const makers = sources().filter((file) => /\bas Plan\b/.test(readFileSync(join(projectRoot, file), "utf8")));
    expect(makers).toEqual(["host/engine/plan.ts"]);
  });
});
