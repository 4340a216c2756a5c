import { Attempts } from "../../../capnp/commando/attempts.ts";
import { CommandAgent } from "../../../capnp/commando/command-agent.ts";
import { AGENT, GATEWAY } from "../../../capnp/commando/limits.ts";
import { Receiver } from "../../../capnp/commando/receiver.ts";
import { COMMAND_AGENT, execParams, readPong, readResult } from "../../../capnp/commando/schema.ts";
import { serveGateway } from "../../../capnp/commando/server.ts";
import type { PendingCall } from "../../../capnp/rpc/capability.ts";
import { Connection, type TableSizes } from "../../../capnp/rpc/connection.ts";
import { RpcException } from "../../../capnp/rpc/exception.ts";
import { ScriptedHost } from "../../capnp/scripted-host.ts";
import { Strand } from "../../capnp/strand.ts";
import { tellingAll } from "../../capnp/told.ts";
import { TRANSCRIPTS } from "../../capnp/transcripts.ts";
import { attempt, demand, type Target } from "../engine/target.ts";

/** Who reads the bytes: an agent, an agent that has let its gateway in, a gateway. The first byte of an input says which. */
const SIDES = ["agent", "admitted", "gateway"] as const;

/** How much may be said for what was heard, in bytes: the largest answer to the smallest call, and what a command of the scripted host writes. */
const MAX_FACTOR = 24;
const MAX_UNASKED = 4_096;

interface Side {
  readonly sizes: () => TableSizes;
  /** How many calls of its own have no answer and no error. */
  readonly waiting: () => number;
  readonly bugs: readonly unknown[];
}

class Host extends ScriptedHost {
  override readonly attempts = new Attempts({ delayMs: 0 });
}

function agentOn(strand: Strand): Side {
  const bugs: unknown[] = [];
  const served = serveGateway(strand, new Host(), { address: "10.0.0.1", onBug: (error) => bugs.push(error) });
  return { sizes: () => served.sizes, waiting: () => 0, bugs };
}

function admittedOn(strand: Strand): Side {
  const bugs: unknown[] = [];
  const connection = new Connection(strand, {
    limits: GATEWAY,
    bootstrap: new CommandAgent(new Host()),
    onBug: (error) => bugs.push(error),
  });
  return { sizes: () => connection.sizes, waiting: () => 0, bugs };
}

/** A gateway with a ping, a command and a streamed command under way. */
function gatewayOn(strand: Strand): Side {
  const bugs: unknown[] = [];
  const connection = new Connection(strand, { limits: AGENT, onBug: (error) => bugs.push(error) });
  const agent = connection.bootstrap();
  const request = { command: "x", workDir: "", timeoutSecs: 1, extraEnv: new Map(), requestId: "" };
  const receiver = new Receiver({ write: () => undefined }, () => connection.hold());
  const common = { interfaceId: COMMAND_AGENT.id };
  const calls: readonly PendingCall<unknown>[] = [
    agent.call({ ...common, method: COMMAND_AGENT.ping, read: ({ content }) => readPong(content) }),
    agent.call({
      ...common,
      method: COMMAND_AGENT.exec,
      params: execParams(request),
      read: ({ content }) => readResult(content),
    }),
    agent.call({
      ...common,
      method: COMMAND_AGENT.execStream,
      params: execParams(request, receiver),
      read: (results) => [readResult(results.content), results.capability(0)],
    }),
  ];
  let waiting = calls.length;
  const settle = (): void => {
    waiting--;
  };
  for (const { results } of calls) void results.then(settle, settle);
  return { sizes: () => connection.sizes, waiting: () => waiting, bugs };
}

const MAKERS = { agent: agentOn, admitted: admittedOn, gateway: gatewayOn };

async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a side says to bytes that come in pieces of some length. */
async function answers(side: (typeof SIDES)[number], bytes: Buffer, step: number): Promise<readonly string[]> {
  const strand = new Strand();
  const { sizes, waiting, bugs } = MAKERS[side](strand);
  // Until it reads.
  await settled();
  strand.put(bytes, step);
  await settled();
  const { questions, answers, running, exports, imports } = sizes();
  demand(Math.max(questions, answers, running, exports, imports) <= 4_096, "tables grow", sizes());
  const { written } = strand;
  demand(written.length <= MAX_FACTOR * bytes.length + MAX_UNASKED, "says much more than it was asked", written.length);
  const words = attempt(() => tellingAll(written));
  demand(words.ok, "says something that cannot be read", words);
  strand.destroy();
  await settled();
  demand(bugs.length === 0, "throws something that is no exception of the protocol", bugs.map(String));
  demand(waiting() === 0, "leaves a call of its own without an end", waiting());
  const left = sizes();
  demand(
    Object.values(left).every((size) => size === 0),
    "leaves something behind",
    left,
  );
  return words.value;
}

function said(name: string, isGateway: boolean, pattern = /./): Buffer {
  const found = TRANSCRIPTS.find((one) => one.name === name);
  const lines = found?.lines.filter((line) => line.isGateway === isGateway && pattern.test(line.words)) ?? [];
  if (lines.length === 0) throw new RpcException("failed", `nothing of ${name}`);
  return Buffer.concat(lines.map(({ bytes }) => bytes));
}

function seed(side: (typeof SIDES)[number], ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(SIDES.indexOf(side)), ...parts]);
}

/** A connection of Cap'n Proto: nothing that comes breaks it, how it was cut does not matter, and nothing is left of it. */
export const capnp: Target = {
  name: "capnp",
  modules: ["capnp/wire/", "capnp/rpc/", "capnp/commando/"],
  tokens: [
    "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000",
    "\u0000\u0000\u0000\u0000\u0001\u0000\u0001\u0000",
    "\u0004\u0000\u0000\u0000\u0000\u0000\u0002\u0000",
    "\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000",
    "\u0002\u0000\u0000\u0000\u0001\u0000\u0000\u0000",
    "\u0006\u0000\u0000\u0000\u0000\u0000\u0000\u0000",
    "sleep",
    "write stderr x",
  ],
  seeds: [
    seed("agent", said("rust-gateway.txt", true)),
    seed("agent", said("cpp-gateway.txt", true)),
    seed("admitted", said("rust-gateway.txt", true, /bootstrap|execStream|return|abort/)),
    seed("admitted", said("rust-cancelled.txt", true, /bootstrap|execStream|finish 1|ping/)),
    seed("admitted", said("cpp-gateway.txt", true, /bootstrap|execStream|return/)),
    seed("gateway", said("rust-agent.txt", false, /return 0|hosted 1|receive|finish|release/)),
    seed("gateway", said("cpp-agent.txt", false, /hosted|receive|finish|release|exception/)),
    seed("gateway", said("rust-agent-cancelled.txt", false)),
  ],
  maxBytes: 4_096,
  start: () => ({
    check: async (input) => {
      const side = SIDES[(input[0] ?? 0) % SIDES.length] ?? "agent";
      const bytes = input.subarray(1);
      const whole = await answers(side, bytes, bytes.length);
      for (const step of [1, 8, 61]) {
        const other = await answers(side, bytes, step);
        demand(JSON.stringify(other) === JSON.stringify(whole), "the answers depend on the cuts", {
          whole,
          other,
          step,
        });
      }
    },
  }),
};
