import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withCmd2host, type DevcontainerChoices } from "../../host/setup/devcontainer.ts";
import { MCP_FILES, mcpServer, withServer } from "../../host/setup/mcp-file.ts";
import { undoOf } from "../../host/setup/undo.ts";

const choices: DevcontainerChoices = {
  feature: "registry.example/owner/cmd2host/cmd2host:1",
  commands: ["gh", "git"],
  mode: "unix",
  runtime: undefined,
  base: "${localEnv:HOME}/.cmd2host",
  port: 9_876,
};

const PATH = ".devcontainer/devcontainer.json";

const gap = fc.constantFrom("", " ", "\n", "\n  ", " // line\n", " /* block */ ", "\r\n\t", "\n  // own line\n  ");
const features = fc.constantFrom<unknown>(
  undefined,
  {},
  { "x.example/a/b:1": {} },
  { "./cmd2host": { commands: "aws" } },
);
const mounts = fc.constantFrom<unknown>(
  undefined,
  [],
  ["source=a,target=/a,type=volume"],
  [{ source: "b", target: "/run/cmd2host", type: "bind" }, "source=c,target=/c,type=volume"],
);
const initialize = fc.constantFrom<unknown>(undefined, "echo a", ["echo", "a b"], { one: "echo", two: ["echo"] }, "");
const environment = fc.constantFrom<unknown>(undefined, {}, { A: "b", HOST_CMD_PROXY_SOCKET: "/old" });

/** A devcontainer.json as people write them: any order, comments anywhere. */
const devcontainer = fc
  .record({
    members: fc
      .record({
        features,
        mounts,
        initializeCommand: initialize,
        containerEnv: environment,
        runArgs: fc.constant(["--init"]),
      })
      .chain((all) => fc.shuffledSubarray(Object.entries(all).filter(([, value]) => value !== undefined))),
    gaps: fc.array(gap, { minLength: 16, maxLength: 16 }),
    comma: fc.boolean(),
    pretty: fc.boolean(),
  })
  .map(({ members, gaps, comma, pretty }) => {
    let turn = 0;
    const next = (): string => gaps[turn++ % gaps.length] ?? "";
    const body = members
      .map(
        ([name, value]) =>
          `${next()}${JSON.stringify(name)}:${next()}${JSON.stringify(value, null, pretty ? 2 : 0)}${next()}`,
      )
      .join(",");
    return `${next()}{${body}${members.length > 0 && comma ? "," : ""}${next()}}${next()}`;
  });

describe("setup, then undo", () => {
  it("gives the same bytes for any devcontainer.json", () => {
    fc.assert(
      fc.property(devcontainer, fc.constantFrom("unix" as const, "tcp" as const), (before, mode) => {
        const after = withCmd2host(before, { ...choices, mode }, PATH);
        const made = [{ path: PATH, before, after, directories: [] }];
        expect(undoOf(made, () => after)).toEqual({
          changes: [{ path: PATH, before: after, after: before }],
          conflicts: [],
        });
      }),
      { numRuns: 500 },
    );
  });

  it("changes nothing the second time, whatever it began with", () => {
    fc.assert(
      fc.property(devcontainer, fc.constantFrom("unix" as const, "tcp" as const), (before, mode) => {
        const after = withCmd2host(before, { ...choices, mode }, PATH);
        expect(withCmd2host(after, { ...choices, mode }, PATH)).toBe(after);
      }),
      { numRuns: 500 },
    );
  });

  it("takes back two runs, the last first", () => {
    const first = `{\n  "name": "x"\n}\n`;
    const second = withCmd2host(first, choices, PATH);
    const third = withCmd2host(second, { ...choices, mode: "tcp" }, PATH);
    const made = [
      { path: PATH, before: first, after: second, directories: [] },
      { path: PATH, before: second, after: third, directories: [] },
    ];
    expect(undoOf(made, () => third).changes).toEqual([{ path: PATH, before: third, after: first }]);
  });

  it("leaves what others changed elsewhere, and says where they changed the same", () => {
    const lines = Array.from({ length: 12 }, (_, index) => `  "m${index}": ${index},\n`).join("");
    const before = `{\n${lines}  "name": "x"\n}\n`;
    const after = withCmd2host(before, choices, PATH);
    const made = [{ path: PATH, before, after, directories: [] }];
    const elsewhere = after.replace(`"m1": 1`, `"m1": 111`);
    expect(undoOf(made, () => elsewhere)).toEqual({
      changes: [{ path: PATH, before: elsewhere, after: before.replace(`"m1": 1`, `"m1": 111`) }],
      conflicts: [],
    });
    const same = after.replace(`"commands": "gh,git"`, `"commands": "gh"`);
    expect(undoOf(made, () => same)).toEqual({ changes: [], conflicts: [PATH] });
  });

  it("removes what it made, and leaves what is gone or as it was", () => {
    const made = [{ path: ".mcp.json", before: undefined, after: "{}\n", directories: [] }];
    expect(undoOf(made, () => "{}\n").changes).toEqual([{ path: ".mcp.json", before: "{}\n", after: undefined }]);
    expect(undoOf(made, () => undefined)).toEqual({ changes: [], conflicts: [] });
    expect(undoOf(made, () => `{"mcpServers":{}}`).conflicts).toEqual([".mcp.json"]);
  });
});

describe("an MCP file", () => {
  const file = MCP_FILES.get("claude");
  const server = mcpServer("unix", 0);

  it("keeps the servers that it has, and gets ours once", () => {
    if (file === undefined) throw new Error("no such client");
    const before = `{\n  "mcpServers": {\n    "other": { "command": "x" }\n  }\n}\n`;
    const after = withServer(before, file, server) ?? "";
    expect(JSON.parse(after)).toEqual({ mcpServers: { other: { command: "x" }, cmd2host: server } });
    expect(withServer(after, file, server)).toBe(after);
    expect(after.startsWith(`{\n  "mcpServers": {\n    "other": { "command": "x" },\n`)).toBe(true);
  });

  it("leaves a server of somebody else that has our name, and renews ours", () => {
    if (file === undefined) throw new Error("no such client");
    expect(withServer(`{"mcpServers":{"cmd2host":{"command":"mine"}}}`, file, server)).toBe(undefined);
    const old = `{"mcpServers":{"cmd2host":{"command":"cmd2host-mcp","args":[]}}}`;
    expect(JSON.parse(withServer(old, file, server) ?? "")).toEqual({ mcpServers: { cmd2host: server } });
    expect(() => withServer(`{"mcpServers":[]}`, file, server)).toThrow('.mcp.json: "mcpServers" is not an object');
    expect(() => withServer(`{`, file, server)).toThrow(/^\.mcp\.json: line 1/);
  });
});
