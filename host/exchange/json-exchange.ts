import type { CodedError } from "../../wire/errors.ts";
import { frameTimeout, isBlank, RequestFramer, trailingData, type Frame } from "../../wire/framing.ts";
import { PROBE_INTERVAL_MS, WRITE_DEADLINE_MS } from "../../wire/limits.ts";
import type { Reply } from "../../wire/outcome.ts";
import { replyShapeOf } from "../../wire/parse-request.ts";
import { encodeReply, refusal } from "../../wire/reply.ts";
import type { Exchange } from "./connection.ts";
import type { Line } from "./line.ts";

/** Protocol 1: one JSON object, one JSON object back. */
export class JsonExchange implements Exchange {
  readonly #line: Line;
  readonly #framer = new RequestFramer();
  #probe: NodeJS.Timeout | undefined;
  /** Set when something follows the request: whatever the engine says, this is the answer. */
  #spoilt: Reply | undefined;
  #shape: ReturnType<typeof replyShapeOf>;

  constructor(line: Line) {
    this.#line = line;
  }

  data(chunk: Buffer): void {
    if (this.#line.state === "reading") this.#frame(this.#framer.push(chunk));
    else this.#moreWhileWorking(chunk);
  }

  end(): void {
    if (this.#line.state === "reading") this.#frame(this.#framer.end());
    else if (this.#line.state === "working") this.#startProbing();
  }

  late(): void {
    this.#refuse(frameTimeout());
  }

  closed(): void {
    clearInterval(this.#probe);
  }

  #frame(frame: Frame): void {
    switch (frame.state) {
      case "more":
        return;
      case "nothing":
        this.#line.stopReading();
        this.#line.socket.end(() => {
          this.#line.linger();
        });
        return;
      case "refused":
        this.#refuse(frame.error);
        return;
      case "message":
        this.#shape = replyShapeOf(frame.message);
        if (frame.trailing) this.#refuse(trailingData());
        else void this.#work(frame.message);
    }
  }

  #refuse(error: CodedError): void {
    this.#line.stopReading();
    this.#line.host.refused(this.#line.peer, error);
    this.#send(refusal(this.#shape, error));
  }

  async #work(message: unknown): Promise<void> {
    const reply = await this.#line.answer(message);
    clearInterval(this.#probe);
    if (reply !== undefined) this.#send(this.#spoilt ?? reply);
  }

  /** White space is fine; anything else is a second request, which is refused however late it comes, and takes the first with it. */
  #moreWhileWorking(chunk: Buffer): void {
    if (isBlank(chunk) || this.#spoilt !== undefined) return;
    const error = trailingData();
    this.#line.host.refused(this.#line.peer, error);
    this.#spoilt = refusal(this.#shape, error);
    this.#line.abort("cancelled");
  }

  /**
   * The client has closed its sending side, which a waiting client may do. Only a write tells it from one that is gone: white space in front of
   * the reply is harmless to a JSON reader.
   */
  #startProbing(): void {
    this.#probe ??= setInterval(() => {
      this.#line.socket.write(" ");
    }, PROBE_INTERVAL_MS);
  }

  #send(reply: Reply): void {
    this.#line.finish(encodeReply(reply), WRITE_DEADLINE_MS);
  }
}
