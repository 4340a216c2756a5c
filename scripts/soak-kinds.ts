import { createConnection, type Socket } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonClient, type Address } from "../wire/client.ts";
import type { OutputSink } from "../wire/live.ts";
import { FRAME, jsonFrame, PREFACE } from "../wire/frames.ts";
import type { OutcomeFields, ProjectConfig } from "../wire/schema.ts";

const MEGABYTE = 1_000_000;

const shell = (script: string): { command: string; args_template: string[] } => ({
  command: "/bin/sh",
  args_template: ["-c", script],
});

/** What the runs of a soak start. */
export const soakOperations = {
  echo: { command: "/bin/echo", args_template: ["{text}"], params: { text: { type: "string" } } },
  cat: { command: "/bin/cat", stdin: "optional" },
  deaf: { ...shell("exec 0<&-; sleep 0.05"), stdin: "optional" },
  fail: shell("echo broken >&2; exit 7"),
  slow: shell("echo begun; sleep 600"),
  stubborn: shell('trap "" TERM; echo begun; while :; do sleep 0.05; done'),
  mega: shell(`yes 0123456789abcde | head -c ${MEGABYTE}`),
  ticks: shell("for i in 1 2 3 4 5; do echo tick $i; sleep 0.01; done"),
  leaves: shell("sleep 600 >/dev/null 2>&1 & echo left"),
} as const satisfies ProjectConfig["operations"];
type Operation = keyof typeof soakOperations;

/** Where the runs go. `number` tells them apart. */
export interface SoakTarget {
  readonly address: Address;
  readonly token: string;
  readonly number: number;
}

type Kind = (target: SoakTarget) => Promise<void>;

/** Says what came instead of what should have come. */
function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}

function clientOf({ address, token }: SoakTarget): DaemonClient {
  return new DaemonClient(address, token);
}

/** Counts what comes, and calls back at the first byte. */
class Counter implements OutputSink {
  readonly #first: () => void;
  bytes = 0;

  constructor(first: () => void = () => undefined) {
    this.#first = first;
  }

  write(_: unknown, bytes: Buffer): undefined {
    if (this.bytes === 0) this.#first();
    this.bytes += bytes.length;
  }
}

const atOnce: Kind = async (target) => {
  const text = `number ${target.number}`;
  const reply = await clientOf(target).run({ operation: "echo", params: { text } });
  expectEqual("stdout", reply.stdout, `${text}\n`);
};

const failing: Kind = async (target) => {
  const reply = await clientOf(target).run({ operation: "fail" });
  expectEqual("exit code", reply.exit_code, 7);
  expectEqual("stderr", reply.stderr, "broken\n");
};

const denied: Kind = async (target) => {
  const reply = await clientOf(target).run({ operation: "no_such_operation" });
  expectEqual("outcome", reply.outcome, "denied");
};

const megabyteAtOnce: Kind = async (target) => {
  const reply = await clientOf(target).run({ operation: "mega" });
  expectEqual("length", reply.stdout.length, MEGABYTE);
};

const megabyteStreamed: Kind = async (target) => {
  const output = new Counter();
  await clientOf(target).stream({ operation: "mega" }, { output });
  expectEqual("bytes", output.bytes, MEGABYTE);
};

const megabyteReadSlowly: Kind = async (target) => {
  let bytes = 0;
  const write = async (_: unknown, chunk: Buffer): Promise<void> => {
    bytes += chunk.length;
    await sleep(1);
  };
  await clientOf(target).stream({ operation: "mega" }, { output: { write } });
  expectEqual("bytes", bytes, MEGABYTE);
};

const withInput: Kind = async (target) => {
  const input = Buffer.alloc(100_000, `input ${target.number} `);
  const came: Buffer[] = [];
  const write = (_: unknown, bytes: Buffer): undefined => {
    came.push(bytes);
  };
  await clientOf(target).stream({ operation: "cat" }, { output: { write }, stdin: Readable.from([input]) });
  expectEqual("what came back", Buffer.concat(came).equals(input), true);
};

const inputThatNobodyReads: Kind = async (target) => {
  const stdin = Readable.from(Array.from({ length: 16 }, () => Buffer.alloc(65_536)));
  const outcome = await clientOf(target).stream({ operation: "deaf" }, { output: new Counter(), stdin });
  expectEqual("exit code", outcome.exit_code, 0);
};

async function cancelled(target: SoakTarget, operation: Operation): Promise<OutcomeFields> {
  const cancel = new AbortController();
  const output = new Counter(() => {
    cancel.abort();
  });
  return clientOf(target).stream({ operation }, { output, signal: cancel.signal });
}

const cancelledMidway: Kind = async (target) => {
  expectEqual("code", (await cancelled(target, "slow")).code, "cancelled");
};

const cancelledAndStubborn: Kind = async (target) => {
  expectEqual("code", (await cancelled(target, "stubborn")).code, "cancelled");
};

const leavesAChild: Kind = async (target) => {
  expectEqual("stdout", (await clientOf(target).run({ operation: "leaves" })).stdout, "left\n");
};

async function opened(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      address.kind === "unix" ? createConnection(address.path) : createConnection(address.port, address.host);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject).on("error", () => undefined);
      resolve(socket);
    });
  });
}

const goesAwayInJson: Kind = async ({ address, token, number }) => {
  const socket = await opened(address);
  socket.write(JSON.stringify({ operation: "slow", token }));
  await sleep(number % 40);
  socket.destroy();
};

function streamRequest(token: string, operation: Operation): Buffer {
  return Buffer.concat([PREFACE, jsonFrame(FRAME.request, { operation, token, stdin: true })]);
}

const goesAwayInFrames: Kind = async ({ address, token, number }) => {
  const socket = await opened(address);
  socket.write(streamRequest(token, number % 2 === 0 ? "slow" : "mega"));
  await sleep(number % 40);
  socket.destroy();
};

/** Closing the sending side alone says the same in this protocol. */
const goesAwayHalf: Kind = async ({ address, token }) => {
  const socket = await opened(address);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  socket.end(streamRequest(token, "slow"));
  await closed;
};

const goesAwayInTheMiddle: Kind = async ({ address, token, number }) => {
  const socket = await opened(address);
  const request = streamRequest(token, "slow");
  socket.write(request.subarray(0, 1 + (number % (request.length - 1))));
  await sleep(5);
  socket.destroy();
};

const inTheBackground: Kind = async (target) => {
  const client = clientOf(target);
  const started = await client.start({ operation: "ticks" });
  if (started.kind === "refused") throw new Error(`refused: ${started.reply.denied_reason ?? ""}`);
  const runId = started.run.run_id;
  let text = "";
  for (let offset = 0, more = true; more;) {
    const { page, error } = await client.read({ runId, offset, waitSeconds: 5 });
    if (page === undefined || page === null) throw new Error(error ?? "no page");
    text += page.text;
    ({ next_offset: offset, more } = page);
  }
  expectEqual("text", text, "tick 1\ntick 2\ntick 3\ntick 4\ntick 5\n");
  expectEqual("state", (await client.status(runId, 5)).run?.state, "completed");
  const found = await client.read({ runId, grep: "tick [24]" });
  expectEqual("matches", found.page?.matches, 2);
};

const cancelledInTheBackground: Kind = async (target) => {
  const client = clientOf(target);
  const started = await client.start({ operation: "slow" });
  if (started.kind === "refused") throw new Error(`refused: ${started.reply.denied_reason ?? ""}`);
  await client.cancel(started.run.run_id);
  expectEqual("code", (await client.status(started.run.run_id, 10)).run?.code, "cancelled");
};

/** By name, with how often each comes in relation to the others. */
const KINDS: readonly (readonly [name: string, share: number, kind: Kind])[] = [
  ["at once", 3, atOnce],
  ["failing", 2, failing],
  ["denied", 1, denied],
  ["a megabyte at once", 1, megabyteAtOnce],
  ["a megabyte streamed", 1, megabyteStreamed],
  ["a megabyte read slowly", 1, megabyteReadSlowly],
  ["with input", 2, withInput],
  ["with input that nobody reads", 1, inputThatNobodyReads],
  ["cancelled midway", 1, cancelledMidway],
  ["cancelled and stubborn", 1, cancelledAndStubborn],
  ["leaves a child", 1, leavesAChild],
  ["client of protocol 1 goes away", 1, goesAwayInJson],
  ["client of protocol 2 goes away", 1, goesAwayInFrames],
  ["client closes its sending side", 1, goesAwayHalf],
  ["client goes away within its request", 1, goesAwayInTheMiddle],
  ["in the background", 2, inTheBackground],
  ["cancelled in the background", 1, cancelledInTheBackground],
];
const TURNS = KINDS.flatMap(([name, share, kind]) => Array.from({ length: share }, () => ({ name, kind })));

/** Does one run of a kind that depends on its number. @throws Error that names the kind when it does not come out as it should */
export async function soakOnce(target: SoakTarget): Promise<void> {
  // A step that has no divisor in common with the number of turns visits all of them, one kind not always beside the same.
  const turn = TURNS[(target.number * 7) % TURNS.length];
  if (turn === undefined) return;
  try {
    await turn.kind(target);
  } catch (error) {
    throw new Error(`run ${target.number}, ${turn.name}: ${String(error)}`, { cause: error });
  }
}
