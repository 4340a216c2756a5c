/** Messages of the protocol in words, for tests: one line each, with everything that matters and nothing that may differ. */
import { EXCEPTION_KINDS } from "../../capnp/rpc/exception.ts";
import { Framer } from "../../capnp/wire/framer.ts";
import { rootOf, type StructReader } from "../../capnp/wire/reader.ts";
import type { Segments } from "../../capnp/wire/segments.ts";

const METHODS = new Map([
  ["9c4600d56c9bf55c.0", "challenge"],
  ["9c4600d56c9bf55c.1", "authenticate"],
  ["d32f497ccdb9e7da.0", "exec"],
  ["d32f497ccdb9e7da.1", "ping"],
  ["d32f497ccdb9e7da.2", "execStream"],
  ["d2d4f732c61d76d4.0", "receive"],
]);
const TAGS = new Map([
  [0, "unimplemented"],
  [1, "abort"],
  [2, "call"],
  [3, "return"],
  [4, "finish"],
  [5, "resolve"],
  [6, "release"],
  [8, "bootstrap"],
  [13, "disembargo"],
]);
const CAPABILITIES = ["none", "hosted", "promise", "receiver", "answer", "third-party"];

function steps(promised: StructReader): string {
  const path = promised.structs(0, 8).map((step) => (step.uint16(0) === 1 ? `.${step.uint16(2)}` : ""));
  return `answer ${promised.uint32(0)}${path.join("")}`;
}

function target(struct: StructReader): string {
  return struct.uint16(4) === 0 ? `object ${struct.uint32(0)}` : steps(struct.struct(0));
}

function capabilities(payload: StructReader): string {
  const rows = payload.structs(1, 8).map((row) => ` ${CAPABILITIES[row.uint16(0)] ?? "?"} ${row.uint32(4)}`);
  return rows.length === 0 ? "" : ` with${rows.join(",")}`;
}

function exception(struct: StructReader): string {
  return `${EXCEPTION_KINDS[struct.uint16(4)] ?? "?"} "${struct.shownText(0)}"`;
}

function returned(body: StructReader): string {
  const flags = `${body.bit(32) ? "" : ", parameters released"}${body.bit(33) ? ", no finish needed" : ""}`;
  switch (body.uint16(6)) {
    case 0:
      return `results${capabilities(body.struct(0))}${flags}`;
    case 1:
      return `exception ${exception(body.struct(0))}${flags}`;
    case 2:
      return `canceled${flags}`;
    default:
      return "in another way";
  }
}

function call(body: StructReader): string {
  const name = `${body.uint64(8).toString(16)}.${body.uint16(4)}`;
  const method = METHODS.get(name) ?? name;
  const params = body.struct(1);
  const output = method === "receive" ? ` ${JSON.stringify(params.struct(0).data(0).toString().slice(0, 40))}` : "";
  return `${body.uint32(0)} to ${target(body.struct(0))}: ${method}${output}${capabilities(params)}`;
}

function words(tag: string, body: StructReader): string {
  switch (tag) {
    case "abort":
      return exception(body);
    case "call":
      return call(body);
    case "return":
      return `${body.uint32(0)} ${returned(body)}`;
    case "finish":
      return `${body.uint32(0)}${body.bit(32) ? "" : ", results released"}`;
    case "release":
      return `object ${body.uint32(0)}, ${body.uint32(4)} times`;
    case "bootstrap":
      return String(body.uint32(0));
    case "disembargo":
      return `${body.uint32(0)} ${body.uint16(4)}`;
    case "unimplemented":
      return told(body);
    default:
      return "";
  }
}

function told(message: StructReader): string {
  const tag = TAGS.get(message.uint16(0)) ?? `message ${message.uint16(0)}`;
  return `${tag} ${words(tag, message.struct(0))}`.trimEnd();
}

/** What a message says. */
export function telling(message: Segments): string {
  return told(rootOf(message));
}

/** What the messages in some bytes say. */
export function tellingAll(bytes: Buffer): readonly string[] {
  const lines: string[] = [];
  const framer = new Framer(1 << 26, (message) => lines.push(telling(message)));
  framer.push(bytes);
  return lines;
}
