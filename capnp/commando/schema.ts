/** What commando's agents and gateways say to each other, as Cap'n Proto lays it out. */
import { Malformed } from "../wire/malformed.ts";
import type { StructReader } from "../wire/reader.ts";
import type { StructWriter } from "../wire/writer.ts";
import type { Content, HostedObject } from "../rpc/object.ts";

/** The first object of an agent. */
export const AUTHENTICATOR = { id: 0x9c4600d56c9bf55cn, challenge: 0, authenticate: 1 } as const;
/** What it returns to whoever has the key. */
export const COMMAND_AGENT = { id: 0xd32f497ccdb9e7dan, exec: 0, ping: 1, execStream: 2 } as const;
/** What a gateway hands over for output. */
export const OUTPUT_RECEIVER = { id: 0xd2d4f732c61d76d4n, receive: 0 } as const;

/** How commando's agents say that as many commands run as may. */
export const AGENT_FULL = "too many concurrent exec requests";

/** Numbers of the streams. */
export const STDOUT = 0;
export const STDERR = 1;

/** More variables than this do not fit into any process. */
const MAX_VARIABLES = 10_000;

/** A command for the shell of an agent. */
export interface ExecRequest {
  readonly command: string;
  /** Empty: the agent chooses. */
  readonly workDir: string;
  /** 0: the agent chooses. */
  readonly timeoutSecs: number;
  readonly extraEnv: ReadonlyMap<string, string>;
  /** Comes back in the result. */
  readonly requestId: string;
}

/** How a command ended. Output that went to a receiver is not in it. */
export interface ExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
  readonly durationMs: number;
  readonly timedOut: boolean;
  readonly truncated: boolean;
  readonly requestId: string;
  /** JSON, or empty. */
  readonly profilerJson: string;
}

/** What an agent says of itself. */
export interface Pong {
  readonly hostname: string;
  readonly uptimeSecs: number;
  readonly shell: string;
  readonly version: string;
}

const TIMED_OUT = 1;
const TRUNCATED = 2;
const MAX_UINT32 = 0xffff_ffff;

function uint64(value: number): bigint {
  return BigInt(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(value))));
}

function number(value: bigint): number {
  return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : value);
}

/** A text that becomes a part of a process: no NUL can be in it. */
function processText(struct: StructReader, pointer: number): string {
  const text = struct.text(pointer);
  if (text.includes("\0")) throw new Malformed("a NUL in a command, a path or a variable");
  return text;
}

function writeRequest(struct: StructWriter, request: ExecRequest): void {
  struct.uint32(0, Math.min(MAX_UINT32, Math.max(0, Math.round(request.timeoutSecs))));
  struct.text(0, request.command);
  struct.text(1, request.workDir);
  struct.text(3, request.requestId);
  const variables = [...request.extraEnv];
  if (variables.length === 0) return;
  for (const [index, variable] of struct.structs(2, variables.length, 0, 2).entries()) {
    const [name = "", value = ""] = variables[index] ?? [];
    variable.text(0, name);
    variable.text(1, value);
  }
}

/** Parameters of `exec`, and of `execStream` with whom output goes to. */
export function execParams(request: ExecRequest, receiver?: HostedObject): Content {
  return {
    dataWords: 0,
    pointers: receiver === undefined ? 1 : 2,
    bytes: request.command.length,
    write: (params, capabilities) => {
      writeRequest(params.struct(0, 1, 4), request);
      if (receiver !== undefined) params.capability(1, capabilities.add(receiver));
    },
  };
}

/** @throws Malformed */
export function readRequest(params: StructReader): ExecRequest {
  const request = params.struct(0);
  return {
    command: processText(request, 0),
    workDir: processText(request, 1),
    timeoutSecs: request.uint32(0),
    extraEnv: new Map(
      request
        .structs(2, MAX_VARIABLES)
        .map((variable) => [processText(variable, 0), processText(variable, 1)] as const),
    ),
    requestId: request.text(3),
  };
}

export function execResults(result: ExecResult): Content {
  return {
    dataWords: 0,
    pointers: 1,
    bytes: result.stdout.length + result.stderr.length + result.profilerJson.length,
    write: (results) => {
      const struct = results.struct(0, 2, 4);
      struct.int32(0, result.exitCode);
      struct.uint8(4, (result.timedOut ? TIMED_OUT : 0) | (result.truncated ? TRUNCATED : 0));
      struct.uint64(8, uint64(result.durationMs));
      struct.data(0, result.stdout);
      struct.data(1, result.stderr);
      struct.text(2, result.requestId);
      struct.text(3, result.profilerJson);
    },
  };
}

/** @throws Malformed */
export function readResult(results: StructReader): ExecResult {
  const result = results.struct(0);
  return {
    stdout: result.data(0),
    stderr: result.data(1),
    exitCode: result.int32(0),
    durationMs: number(result.uint64(8)),
    timedOut: result.bit(32),
    truncated: result.bit(33),
    requestId: result.text(2),
    profilerJson: result.text(3),
  };
}

export function pongResults(pong: Pong): Content {
  return {
    dataWords: 0,
    pointers: 1,
    write: (results) => {
      const struct = results.struct(0, 1, 3);
      struct.uint64(0, uint64(pong.uptimeSecs));
      struct.text(0, pong.hostname);
      struct.text(1, pong.shell);
      struct.text(2, pong.version);
    },
  };
}

/** @throws Malformed */
export function readPong(results: StructReader): Pong {
  const pong = results.struct(0);
  return {
    hostname: pong.text(0),
    uptimeSecs: number(pong.uint64(0)),
    shell: pong.text(1),
    version: pong.text(2),
  };
}

/** Results or parameters that are bytes and nothing else: a nonce, a proof of the key. */
export function bytesContent(bytes: Uint8Array): Content {
  return {
    dataWords: 0,
    pointers: 1,
    write: (struct) => {
      struct.data(0, bytes);
    },
  };
}

/** Results of `authenticate`. */
export function admittedResults(agent: HostedObject, version: string): Content {
  return {
    dataWords: 0,
    pointers: 2,
    write: (results, capabilities) => {
      results.capability(0, capabilities.add(agent));
      results.text(1, version);
    },
  };
}

/** Parameters of `receive`. */
export function outputParams(stream: number, bytes: Buffer): Content {
  return {
    dataWords: 1,
    pointers: 1,
    bytes: bytes.length,
    write: (params) => {
      params.uint8(0, stream);
      params.data(0, bytes);
    },
  };
}
