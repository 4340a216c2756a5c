import type { Duplex } from "node:stream";
import type { Way } from "../../wire/client-connect.ts";
import { exchange } from "../../wire/client-exchange.ts";
import { parsedReply, typed, typedReply } from "../../wire/client-reply.ts";
import { StreamedCall } from "../../wire/client-stream.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { agentTimings, wantsTimings } from "../relay/timings.ts";
import type { Pong } from "../target.ts";
import type { Agent, Via } from "./agent.ts";

/** For an answer that is there at once; behind a link that goes on over a new connection it may take as long as its lease. */
const ANSWER_MS = 60_000;

/** A target behind a link: it speaks the daemon's own protocol, one request per stream. */
export class LinkAgent implements Agent {
  readonly #way: Way;

  /** @param open a stream to it */
  constructor(name: string, open: (signal: AbortSignal | undefined) => Promise<Duplex>) {
    this.#way = { kind: "way", name, connect: open };
  }

  async ping(via: Via, signal: AbortSignal): Promise<Pong> {
    const bytes = await exchange(this.#way, { protocol: 2, ping: true, via }, ANSWER_MS, signal);
    const { pong, error, code } = typedReply("pong_reply", bytes);
    if (pong === undefined || pong === null)
      throw new CodedError("link_refused", `it does not answer pings: ${error ?? code ?? "no reason was given"}`);
    const { hostname, uptime_seconds: uptimeSeconds, shell, version } = pong;
    return { hostname, uptimeSeconds, shell, version };
  }

  async run(message: object, via: Via, live: Live, signal: AbortSignal): Promise<OutcomeFields> {
    const began = performance.now();
    const stream = await this.#way.connect(signal);
    const opened = performance.now();
    let acceptedAt = opened;
    const { output, notice, stdin } = live;
    const leave = (): void => {
      // Whoever asked has gone, and cancelled nothing: what then becomes of the command the machine's policy says.
      if (signal.reason === "disconnected") stream.destroy();
    };
    // Before the call's own listener, which would cancel.
    signal.addEventListener("abort", leave, { once: true });
    const accepted: Live["accepted"] = (told) => {
      acceptedAt = performance.now();
      live.accepted(told);
    };
    const call = new StreamedCall(stream, { output, accepted, notice, stdin, signal }, () => {
      // The stream is closed soon, which ends the command as well.
      stream.destroy();
    });
    // A stream can be closed on one side only: a target that says nothing more, and has not said how it ended, is not waited for.
    stream.once("end", () => {
      stream.destroy();
    });
    const end = await call.run({ protocol: 2, ...message, via }).finally(() => {
      signal.removeEventListener("abort", leave);
    });
    if (end.kind !== "ended") throw new CodedError("link_version", "the agent does not stream");
    const { timings = {}, ...outcome } = end.outcome;
    if (!wantsTimings(message)) return outcome;
    const own = { link_open: opened - began, link_accepted: acceptedAt - opened };
    return { ...outcome, timings: { ...agentTimings(timings), ...own } };
  }

  async ask(message: object, via: Via, signal: AbortSignal, waitSeconds: number): Promise<object> {
    const timeoutMs = ANSWER_MS + waitSeconds * 1_000;
    const reply = parsedReply(await exchange(this.#way, { protocol: 2, ...message, via }, timeoutMs, signal));
    // Everything that answers a request is an object; which members it has, its reader checks.
    if (typeof reply === "object" && reply !== null && !Array.isArray(reply)) return reply;
    return typed("operation_reply", reply);
  }
}
