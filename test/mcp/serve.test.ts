import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { USAGE } from "../../mcp/options.ts";
import { run } from "../../mcp/serve.ts";

function text(stream: PassThrough): string {
  const bytes: unknown = stream.read();
  return bytes instanceof Buffer ? bytes.toString("utf8") : "";
}

function around(args: readonly string[], env: Readonly<Record<string, string>> = { CMD2HOST_TOKEN: "t" }) {
  const stop = new AbortController();
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  return { ...streams, stop, code: run({ ...streams, args, env, stop: stop.signal }) };
}

describe("running the program", () => {
  it("prints the version of a run without a build as dev", async () => {
    const { code, output } = around(["-version"]);
    expect(await code).toBe(0);
    expect(text(output)).toBe("cmd2host-mcp version dev\n");
  });

  it("prints the usage", async () => {
    const { code, output, errors } = around(["-h"]);
    expect(await code).toBe(0);
    expect([text(output), text(errors)]).toEqual([USAGE, ""]);
  });

  it("escapes what it repeats of the command line", async () => {
    const { code, errors } = around(["--\u001b[2J"]);
    expect(await code).toBe(2);
    expect(text(errors).split("\n")[0]).toBe("cmd2host-mcp: Unknown option '--\\x1b[2J'");
  });

  it("returns 1 without a token", async () => {
    const { code, output, errors } = around([], {});
    expect(await code).toBe(1);
    expect(text(output)).toBe("");
    expect(text(errors)).toContain("token is required");
  });

  it("returns 0 when it is stopped, also when it was stopped before it began", async () => {
    const later = around([]);
    later.input.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    await new Promise((resolve) => later.output.once("readable", resolve));
    later.stop.abort();
    expect(await later.code).toBe(0);
    const stopped = new AbortController();
    stopped.abort();
    const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
    expect(await run({ ...streams, args: [], env: { CMD2HOST_TOKEN: "t" }, stop: stopped.signal })).toBe(0);
  });

  it("returns 0 at the end of its input, and 1 after a line that is not JSON", async () => {
    const idle = around([]);
    idle.input.end();
    expect(await idle.code).toBe(0);
    const broken = around([]);
    broken.input.write("hello\n");
    expect(await broken.code).toBe(1);
    expect(text(broken.errors)).toBe("cmd2host-mcp: standard input: line 1 is not JSON\n");
  });

  it("reports what the protocol layer complains about", async () => {
    const { code, input, errors } = around([]);
    input.end('{"jsonrpc":"2.0","id":99,"result":{}}\n');
    expect(await code).toBe(0);
    expect(text(errors)).toMatch(/^cmd2host-mcp: Discarded a JSON-RPC response .*\n$/);
  });

  it("throws what is a bug", async () => {
    const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
    const bug = new TypeError("bug");
    const env = new Proxy({}, { get: () => { throw bug; } }); // prettier-ignore
    await expect(run({ ...streams, args: [], env, stop: new AbortController().signal })).rejects.toBe(bug);
  });
});
