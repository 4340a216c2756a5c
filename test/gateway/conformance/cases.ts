import type { Ask, Case, Expected, Step } from "./case.ts";
import { absent, aNumber, aText, like, only, type Shape, type Wanted } from "./shapes.ts";

/**
 * The conformance cases of commando.md §14 that concern HTTP and MCP over HTTP, as data. Where ours differs on purpose the title says so; docs/commando.md has
 * the list.
 */

const ERROR: Wanted = only({ error: aText, code: aText, hint: aText });
const TOKEN = like(/^[0-9a-f]{32}$/);
const KEEP_TOKEN = '"next_page":"([0-9a-f]{32})"';

function get(path: string, more: Partial<Ask> = {}): Ask {
  return { path, ...more };
}

function run(target: string, command: string, more: object = {}, headers: Ask["headers"] = {}): Ask {
  return { method: "POST", path: "/api/exec", body: { target, command, ...more }, headers };
}

function execText(body: string, type = "application/json"): Ask {
  return { method: "POST", path: "/api/exec", body, headers: { "Content-Type": type } };
}

function ok(json: Shape | Wanted): Expected {
  return { status: 200, kind: "json", json };
}

function refused(status: number): Expected {
  return { status, kind: "json", json: ERROR };
}

function text(status: number): Expected {
  return { status, kind: "text" };
}

function empty(status: number, headers: Readonly<Record<string, string | null>> = {}): Expected {
  return { status, kind: "empty", headers };
}

function step(ask: Ask, expect: Expected, keep?: Readonly<Record<string, string>>): Step {
  return keep === undefined ? { ask, expect } : { ask, expect, keep };
}

const PONG = ok(
  only({ target: aText, hostname: aText, uptime_secs: aNumber, shell: aText, latency_ms: aNumber, version: aText }),
);

/** The stages of §4.5, and their sum. */
const STAGES = [
  ...["registry_lookup", "setup", "spawn_rpc", "build_page", "audit", "serialize"],
  ...["rpc_tcp_connect", "rpc_auth", "rpc_exec"],
  ...["agent_parse_params_ms", "agent_execute_ms", "agent_drain_callbacks_ms", "agent_drain_count", "agent_total_ms"],
  "_total",
];

const REST: readonly Case[] = [
  {
    number: 1,
    title: "health needs no key",
    steps: [
      step(get("/health", { authorization: undefined }), ok(only({ status: "ok" }))),
      step(get("/health", { method: "HEAD", authorization: undefined }), empty(200)),
    ],
  },
  {
    number: 2,
    title: "health takes nothing else",
    steps: [step({ method: "POST", path: "/health" }, empty(405, { allow: "GET,HEAD" }))],
  },
  {
    number: 3,
    title: "no key, a key under another scheme, and another key are refused alike",
    steps: [undefined, "bearer k", "Bearer wrong", "Bearer", "Bearer "].map((authorization) =>
      step(get("/api/targets", { authorization }), {
        ...refused(401),
        json: only({ error: "unauthorized", code: aText, hint: aText }),
      }),
    ),
  },
  {
    number: 4,
    title: "a path that there is not is only told to whoever has a key",
    steps: [
      step(get("/nope", { authorization: undefined }), refused(401)),
      step(get("/nope"), empty(404)),
      step({ method: "PUT", path: "/api/targets", authorization: undefined }, refused(401)),
      step({ method: "PUT", path: "/api/targets" }, empty(405, { allow: "GET,HEAD" })),
    ],
  },
  {
    number: 5,
    title: "targets are listed by name, with status and host",
    steps: [
      step(
        get("/api/targets"),
        ok([
          only({ name: "a", status: "reachable", host: aText }),
          only({ name: "bad", status: "unreachable", host: aText }),
          only({ name: "down", status: "unreachable", host: aText }),
          only({ name: "n/app", status: "running", host: aText }),
          only({ name: "n/off", status: "stopped", host: "" }),
          only({ name: "nopsk", status: "unknown", host: aText }),
        ]),
      ),
      step(get("/api/targets", { method: "HEAD" }), empty(200)),
    ],
  },
  {
    number: 6,
    title: "REST has no filter",
    steps: [step(get("/api/targets?filter=x"), ok([{}, {}, {}, {}, {}, {}]))],
  },
  {
    number: 7,
    title: "names of targets may have slashes, plain or encoded",
    steps: ["n/app", "n%2Fapp", "/a", "a"].map((name) => step(get(`/api/ping/${name}`), PONG)),
  },
  {
    number: 8,
    title: "a ping tells what is wrong",
    steps: [
      step(get("/api/ping/"), empty(404)),
      step(get("/api/ping/unknown"), refused(400)),
      step(get("/api/ping/nopsk"), refused(400)),
      step(get("/api/ping/%ff"), text(400)),
      ...["down", "bad"].map((name) =>
        step(get(`/api/ping/${name}`), { status: 502, kind: "json", json: { error: like(/^ping failed: ./) } }),
      ),
    ],
  },
  {
    number: 9,
    title: "a command gives output and exit code",
    steps: [
      step(
        run("a", "echo hi; echo e >&2; exit 3"),
        ok(only({ stdout: "hi\n", stderr: "e\n", exit_code: 3, duration_ms: aNumber })),
      ),
      step(execText('["a","exit 4",null,"/"]'), ok({ exit_code: 4 })),
      step(execText('["a","exit 4"]'), ok({ exit_code: 4 })),
    ],
  },
  {
    number: 10,
    title: "a body that cannot be read is refused as text",
    steps: [
      step(execText('{"target":"a"}'), text(422)),
      step(execText('{"target":"a","command":5}'), text(422)),
      step(execText('{"target":"a","command":"true","work_dir":5}'), text(422)),
      step(execText('["a"]'), text(422)),
      step(execText('["a","true",null,null,null]'), text(422)),
      step(execText("7"), text(422)),
      step(execText("{bad"), text(400)),
      step(execText('{"target":"a","target":"b","command":"true"}'), text(400)),
      step(execText(""), text(400)),
    ],
  },
  {
    number: 11,
    title: "a body has to say that it is JSON, of whatever kind",
    steps: [
      step({ method: "POST", path: "/api/exec", body: '{"target":"a","command":"true"}' }, text(415)),
      step(execText('{"target":"a","command":"true"}', "text/plain"), text(415)),
      step(execText('{"target":"a","command":"true"}', "application/vnd.x+json"), ok({ exit_code: 0 })),
      step(execText('{"target":"a","command":"true"}', "application/json; charset=utf-8"), ok({ exit_code: 0 })),
    ],
  },
  {
    number: 12,
    title: "a time limit is a whole number of 32 bits, or null",
    steps: [
      ...[-1, 1.5, 5e9, "5"].map((timeout) => step(run("a", "true", { timeout }), text(422))),
      ...[null, 0, 4_294_967_295].map((timeout) => step(run("a", "true", { timeout }), ok({ exit_code: 0 }))),
    ],
  },
  {
    number: 13,
    title: "members that REST does not know are ignored",
    steps: [step(run("a", 'echo "[$X]"', { env: { X: "1" }, more: 1 }), ok({ stdout: "[]\n", exit_code: 0 }))],
  },
  {
    number: 14,
    title: "a working directory is used; ours answers 502 with the cause when it is not there",
    steps: [
      step(run("a", "pwd", { work_dir: "/" }), ok({ stdout: "/\n" })),
      step(run("a", "pwd", { work_dir: "/nowhere/at/all" }), refused(502)),
    ],
  },
  {
    number: 15,
    title: "what is wrong with a target is said before anything is sent",
    steps: [
      step(run("unknown", "true"), refused(400)),
      step(run("nopsk", "true"), refused(400)),
      step(run("n/off", "true"), { ...refused(400), json: { error: like(/n\/off.*stopped/) } }),
    ],
  },
  {
    number: 16,
    title: "ours answers 502 with the cause for a target that is down or has another key",
    steps: [step(run("down", "true"), refused(502)), step(run("bad", "true"), refused(502))],
  },
  {
    number: 17,
    title: "ours gives 128 and the signal for a command that a signal ended",
    steps: [step(run("a", "kill -9 $$"), ok({ exit_code: 137, timed_out: absent }))],
  },
  {
    number: 18,
    title: "bytes that are no text are replaced one by one",
    steps: [step(run("a", String.raw`printf '\377\376abc'`), ok({ stdout: "\u{fffd}\u{fffd}abc" }))],
  },
  {
    number: 19,
    title: "a profile is for whoever asks with exactly true or 1",
    steps: [
      ...["1", "true"].map((value) =>
        step(
          run("a", "true", {}, { "X-Commando-Profile": value }),
          ok({
            _profile: only({
              stages: only(Object.fromEntries(STAGES.map((name) => [name, aNumber]))),
              total_ms: aNumber,
            }),
          }),
        ),
      ),
      step(run("a", "true", {}, { "X-Commando-Profile": "TRUE" }), ok({ _profile: absent })),
      step(run("a", "true"), ok({ _profile: absent })),
    ],
  },
  {
    number: 20,
    title: "output comes in pages, standard output first, and a token that was used is refused",
    steps: [
      step(
        run("a", "head -c 2500 /dev/zero | tr '\\0' x; printf E >&2"),
        ok(only({ stdout: "x".repeat(1_000), stderr: "", next_page: TOKEN })),
        { one: KEEP_TOKEN },
      ),
      step(get("/api/exec?page={one}"), ok(only({ stdout: "x".repeat(1_000), stderr: "", next_page: TOKEN })), {
        two: KEEP_TOKEN,
      }),
      step(get("/api/exec?page={one}"), refused(400)),
      step(
        get("/api/exec?page={two}"),
        ok(
          only({
            stdout: "x".repeat(500),
            stderr: "E",
            exit_code: 0,
            duration_ms: aNumber,
            _profile: { total_ms: 0, stages: { rpc_exec: aNumber, agent_execute_ms: aNumber } },
          }),
        ),
      ),
      ...["one", "two"].map((name) => step(get(`/api/exec?page={${name}}`), refused(400))),
      step(get("/api/exec?page=0123456789abcdef0123456789abcdef"), refused(400)),
      step(get("/api/exec"), text(400)),
      step(get("/api/exec?page={one}&page={two}"), text(400)),
    ],
  },
  {
    number: 21,
    title: "ours gives a character that a page's end cuts with the next page, whole",
    steps: [
      step(
        run("a", "head -c 999 /dev/zero | tr '\\0' a; printf 'éZ'"),
        ok({ stdout: "a".repeat(999), next_page: TOKEN }),
        { one: KEEP_TOKEN },
      ),
      step(get("/api/exec?page={one}"), ok({ stdout: "éZ", exit_code: 0 })),
    ],
  },
  {
    number: 22,
    title: "a command that runs out of time gives what it wrote, 137 and timed_out",
    steps: [
      step(run("a", "echo partial; sleep 60", { timeout: 1 }), ok({ stdout: "partial\n", next_page: TOKEN })),
      {
        read: run("a", "echo partial; sleep 60", { timeout: 1 }),
        expect: { stdout: "partial\n", stderr: "", last: { exit_code: 137, timed_out: true, duration_ms: aNumber } },
      },
    ],
  },
  {
    number: 23,
    title: "a command with something left in the background ends",
    steps: [
      {
        read: run("a", "sleep 1.5 & echo s"),
        expect: { stdout: "s\n", stderr: "", last: { exit_code: 0 } },
      },
    ],
  },
  {
    number: 24,
    title: "more at the same time than a target may is refused at once",
    steps: [
      {
        together: [run("a", "sleep 1"), run("a", "sleep 1"), run("a", "sleep 1")],
        expect: [ok({ exit_code: 0 }), ok({ exit_code: 0 }), refused(400)],
      },
    ],
  },
  {
    number: 25,
    title: "ours answers 429 when an agent has no place",
    steps: [
      {
        together: [run("a", "sleep 1"), run("a", "sleep 1"), run("n/app", "sleep 1"), run("n/app", "sleep 1")],
        expect: [
          ok({ exit_code: 0 }),
          ok({ exit_code: 0 }),
          ok({ exit_code: 0 }),
          { ...refused(429), headers: { "retry-after": "1" } },
        ],
      },
    ],
  },
  {
    number: 26,
    title: "a command that nobody asks about is ended, and its place is free",
    fixture: { pageTimeoutMs: 1_000, idleMs: 3_000 },
    steps: [
      step(run("a", "sleep 60"), ok({ next_page: TOKEN }), { one: KEEP_TOKEN }),
      step(run("a", "sleep 60"), ok({ next_page: TOKEN })),
      step(run("a", "true"), refused(400)),
      { ask: run("a", "true"), expect: ok({ exit_code: 0 }), until: true },
      step(get("/api/exec?page={one}"), refused(400)),
    ],
  },
  {
    number: 27,
    title: "HEAD spends a token",
    steps: [
      step(run("a", "head -c 1500 /dev/zero"), ok({ next_page: TOKEN }), { one: KEEP_TOKEN }),
      step(get("/api/exec?page={one}", { method: "HEAD" }), empty(200)),
      step(get("/api/exec?page={one}"), refused(400)),
    ],
  },
  {
    number: 28,
    title: "a body over 2 MiB is refused",
    steps: [
      step(execText("x".repeat(2_200_000)), text(413)),
      step({ method: "POST", path: "/mcp", body: "x".repeat(2_200_000) }, text(413)),
      step(
        execText(JSON.stringify({ target: "a", command: "true", more: "x".repeat(2_000_000) })),
        ok({ exit_code: 0 }),
      ),
    ],
  },
  {
    number: 29,
    title: "a command with a character across its 200th and 500th byte runs",
    steps: [
      step(run("a", `: ${"x".repeat(197)}é; echo ok`), ok({ stdout: "ok\n", exit_code: 0 })),
      step(run("a", `: ${"x".repeat(497)}é; echo ok`), ok({ stdout: "ok\n", exit_code: 0 })),
    ],
  },
  {
    number: 30,
    title: "the MCP path takes POST, as long as there is no session",
    steps: [
      step({ method: "PUT", path: "/mcp" }, empty(405, { allow: "POST,GET,HEAD,DELETE" })),
      ...["GET", "DELETE", "HEAD"].map((method) => step({ method, path: "/mcp" }, empty(405, { allow: null }))),
    ],
  },
];

function mcp(body: string | object): Ask {
  return { method: "POST", path: "/mcp", body };
}

function rpc(method: string, params: object = {}, id: unknown = 1): Ask {
  return mcp({ jsonrpc: "2.0", id, method, params });
}

function call(name: string, args: object): Ask {
  return rpc("tools/call", { name, arguments: args });
}

function result(shape: Shape | Wanted): Expected {
  return ok(only({ jsonrpc: "2.0", id: 1, result: shape }));
}

function fault(code: number, id: Shape = 1, message: Wanted = aText): Expected {
  return ok(only({ jsonrpc: "2.0", id, error: only({ code, message }) }));
}

function said(pattern: RegExp): Expected {
  return result(only({ content: [only({ type: "text", text: like(pattern) })] }));
}

function failed(pattern: RegExp): Expected {
  return result(only({ content: [only({ type: "text", text: like(pattern) })], isError: true }));
}

function schema(properties: Readonly<Record<string, Shape>>, required?: readonly string[]): Wanted {
  const base = { type: "object", properties: only(properties) };
  return required === undefined ? only(base) : only({ ...base, required });
}

const TEXT = { type: "string" };
const LIST_TOOL = (steering: RegExp): Wanted =>
  only({ name: "commando_list", description: like(steering), inputSchema: schema({ filter: TEXT }) });
const PING_TOOL = only({
  name: "commando_ping",
  description: aText,
  inputSchema: schema({ target: TEXT }, ["target"]),
});

const MCP: readonly Case[] = [
  {
    number: 31,
    title: "initialize is answered with the one version, and no session",
    steps: ["2024-11-05", "2025-06-18", "1999-01-01", 5].map((protocolVersion) =>
      step(rpc("initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "c", version: "1" } }), {
        ...result(
          only({
            protocolVersion: "2024-11-05",
            capabilities: only({ tools: only({}) }),
            serverInfo: only({ name: "commando", version: aText }),
          }),
        ),
        headers: { "mcp-session-id": null },
      }),
    ),
  },
  {
    number: 32,
    title: "what has no id is taken, and nothing happens",
    steps: [
      step(mcp({ jsonrpc: "2.0", method: "notifications/initialized" }), empty(202)),
      step(mcp({ jsonrpc: "2.0", id: null, method: "tools/list" }), empty(202)),
      ...["5", '"x"', "null"].map((body) => step(mcp(body), empty(202))),
    ],
  },
  {
    number: 33,
    title: "what is no request of JSON-RPC, or of a method that there is not, is told so",
    steps: [
      step(mcp("no JSON"), fault(-32_700, null)),
      step(mcp(""), fault(-32_700, null)),
      step(mcp("[]"), fault(-32_600, null)),
      step(rpc("ping"), fault(-32_601, 1, like(/ping/))),
      step(rpc("resources/list"), fault(-32_601, 1, like(/resources\/list/))),
      step(mcp({ id: "x" }), fault(-32_601, "x")),
      step(mcp({ id: { any: [1] }, result: {} }), fault(-32_601, { any: [1] })),
    ],
  },
  {
    number: 34,
    title: "mode cli lists two tools",
    steps: [step(rpc("tools/list"), result(only({ tools: [LIST_TOOL(/Bash tool.*commando exec/), PING_TOOL] })))],
  },
  {
    number: 34,
    title: "mode mcp lists four tools",
    fixture: { mode: "mcp" },
    steps: [
      step(
        rpc("tools/list"),
        result(
          only({
            tools: [
              LIST_TOOL(/Prefer commando_exec/),
              PING_TOOL,
              only({
                name: "commando_exec",
                description: aText,
                inputSchema: schema(
                  {
                    target: TEXT,
                    command: TEXT,
                    work_dir: TEXT,
                    timeout: { type: "number" },
                    env: { type: "object", additionalProperties: TEXT },
                  },
                  ["target", "command"],
                ),
              }),
              only({ name: "commando_output", description: aText, inputSchema: schema({ page: TEXT }, ["page"]) }),
            ],
          }),
        ),
      ),
    ],
  },
  {
    number: 35,
    title: "mode cli executes all the same",
    steps: [
      step(
        call("commando_exec", { target: "a", command: "echo hi" }),
        said(/^hi\n\n---\nexit_code: 0 \| duration: \d+ms$/),
      ),
    ],
  },
  {
    number: 36,
    title: "the list is a JSON array, and its filter minds the case",
    steps: [
      step(
        call("commando_list", { filter: "Web" }),
        said(
          /^\[\n {2}\{\n {4}"name": "a",\n {4}"host": "[^"]*",\n {4}"port": \d+,\n {4}"shell": "sh",\n {4}"tags": \[\n {6}"Web",\n {6}"prod"\n {4}\],\n {4}"source": "Manual",\n {4}"status": "unknown",\n {4}"reachable": "Reachable",\n {4}"has_psk": true\n {2}\}\n\]$/,
        ),
      ),
      step(call("commando_list", { filter: "web" }), said(/^\[\]$/)),
      step(call("commando_list", { filter: 5 }), said(/"n\/app"[^]*"Discovered"[^]*"nopsk"[^]*"has_psk": false/)),
      step(call("commando_ping", { target: "a" }), said(/^hostname: .+\nuptime: \d+s\nshell: sh\nversion: .+$/)),
      step(call("commando_ping", { target: "down" }), failed(/ping failed: ./)),
    ],
  },
  {
    number: 37,
    title: "a command that fails gives both streams and its exit code as text",
    steps: [
      step(
        call("commando_exec", { target: "a", command: "echo o; echo e >&2; exit 2" }),
        failed(/^o\n\n\[stderr\]\ne\n\n---\nexit_code: 2 \| duration: \d+ms$/),
      ),
      step(
        call("commando_exec", { target: "a", command: "echo e >&2; exit 2" }),
        failed(/^\[stderr\]\ne\n\n---\nexit_code: 2 \| duration: \d+ms$/),
      ),
      step(
        call("commando_exec", { target: "down", command: "true" }),
        failed(/ECONNREFUSED[^]*\n---\nexit_code: -1 \| duration: 0ms$/),
      ),
      step(
        call("commando_exec", { target: "a", command: "sleep 60", timeout: 1 }),
        failed(/^\n\[timed out\]\n---\nexit_code: 137 \| duration: \d+ms$/),
      ),
    ],
  },
  {
    number: 38,
    title: "arguments of the wrong type are as if they were not there",
    steps: [
      step(
        call("commando_exec", {
          target: "a",
          command: 'echo "[$A][$B]"',
          env: { A: "1", B: 2 },
          timeout: 1.5,
          work_dir: 7,
        }),
        said(/^\[1\]\[\]\n\n---/),
      ),
      step(call("commando_exec", { target: "a", command: "echo ok", timeout: -1, env: "x" }), said(/^ok\n\n---/)),
      step(call("commando_exec", { target: "a", command: "echo ok", timeout: 4_294_967_296 }), said(/^ok\n\n---/)),
    ],
  },
  {
    number: 39,
    title: "a long command goes on with commando_output",
    fixture: { pageTimeoutMs: 300 },
    steps: [
      step(
        call("commando_exec", { target: "a", command: "echo one; sleep 1; echo two" }),
        said(/^one\n\n\[streaming\] next_page=[0-9a-f]{32}$/),
        { one: "next_page=([0-9a-f]{32})" },
      ),
      step(
        call("commando_output", { page: "{one}" }),
        said(/^(?:two\n)?\n(?:\[streaming\] next_page=[0-9a-f]{32}|---\n)/),
      ),
      step(call("commando_output", { page: "{one}" }), failed(/page/)),
      step(call("commando_output", { page: "unknown" }), failed(/page/)),
    ],
  },
  {
    number: 40,
    title: "what a call lacks is a result that is an error",
    steps: [
      step(call("commando_ping", {}), failed(/target/)),
      step(call("commando_exec", { command: "true" }), failed(/target/)),
      step(call("commando_exec", { target: "a" }), failed(/command/)),
      step(call("commando_exec", { target: "unknown", command: "true" }), failed(/unknown/)),
      step(call("commando_output", {}), failed(/page/)),
      step(call("commando_nothing", {}), failed(/commando_nothing/)),
      step(rpc("tools/call", { name: 5, arguments: [] }), failed(/tool/)),
      step(mcp({ id: 1, method: "tools/call" }), failed(/tool/)),
      // W19: the side door of the original is none here.
      step(mcp({ __rest: "exec", target: "a", command: "true" }), empty(202)),
      step(mcp({ __rest: "list", id: 1 }), fault(-32_601)),
    ],
  },
];

export const CASES: readonly Case[] = [...REST, ...MCP];

/** Lines to standard input, and what is expected on standard output, line by line: case 41. */
export const STDIO_CASE: { readonly lines: readonly string[]; readonly replies: readonly (Shape | Wanted)[] } = {
  lines: [
    "",
    "garbage",
    "[]",
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}',
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"commando_exec","arguments":{"target":"a","command":"sleep 1; echo slow"}}}',
    '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"commando_ping","arguments":{"target":"a"}}}',
    '{"id":4,"method":"tools/list"}',
  ],
  replies: [
    only({ jsonrpc: "2.0", id: null, error: only({ code: -32_700, message: aText }) }),
    { id: 1, result: { protocolVersion: "2024-11-05" } },
    { id: 2, result: { content: [{ text: like(/^slow\n\n---/) }] } },
    { id: 3, result: { content: [{ text: like(/^hostname: /) }] } },
    { id: 4, result: { tools: [{}, {}] } },
  ],
};
