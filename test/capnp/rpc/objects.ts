/** Objects for tests of the protocol, and calls to them. */
import type { Capability, PendingCall } from "../../../capnp/rpc/capability.ts";
import { RpcException, type ExceptionKind } from "../../../capnp/rpc/exception.ts";
import type { ConnectionLimits } from "../../../capnp/rpc/limits.ts";
import type { Content, HostedObject, IncomingCall } from "../../../capnp/rpc/object.ts";
import { aborted } from "../scripted-host.ts";

export const LIMITS: ConnectionLimits = {
  messageBytes: 1_048_576,
  answers: 64,
  runningBytes: 262_144,
  unreadBytes: 65_536,
  questions: 64,
  exports: 16,
  imports: 16,
};

export const INTERFACE = 0xabcdn;
export const METHOD = {
  echo: 0,
  make: 1,
  wait: 2,
  callBack: 3,
  fail: 4,
  bug: 5,
  makeLater: 6,
  huge: 7,
  crowd: 8,
} as const;

function text(value: string): Content {
  return {
    dataWords: 0,
    pointers: 1,
    write: (struct) => {
      struct.text(0, value);
    },
  };
}

/** An object whose results are two structs down: `.1.0`. */
function deep(object: HostedObject): Content {
  return {
    dataWords: 1,
    pointers: 2,
    write: (struct, capabilities) => {
      struct.struct(1, 0, 1).capability(0, capabilities.add(object));
    },
  };
}

/** Where `make` puts its object. */
export const MADE = [1, 0] as const;

/** Says what it is told, makes others, waits. */
export class Echo implements HostedObject {
  readonly name: string;
  /** What was called, in order. */
  readonly log: string[];
  readonly gates: (() => void)[] = [];
  aborted = 0;

  constructor(name = "echo", log: string[] = []) {
    this.name = name;
    this.log = log;
  }

  /** Lets all calls go on that wait. */
  open(): void {
    for (const gate of this.gates.splice(0)) gate();
  }

  call(call: IncomingCall): Promise<Content | undefined> | Content | undefined {
    this.log.push(`${this.name} ${call.method} ${call.method === METHOD.echo ? call.params.text(0) : ""}`.trimEnd());
    switch (call.method) {
      case METHOD.echo:
        return text(`${this.name}: ${call.params.text(0)}`);
      case METHOD.make:
        return deep(new Echo(`${this.name}+`, this.log));
      case METHOD.makeLater:
        return this.#later(call, deep(new Echo(`${this.name}+`, this.log)));
      case METHOD.wait:
        return this.#later(call, undefined);
      case METHOD.callBack:
        return this.#callBack(call);
      case METHOD.fail:
        throw new RpcException(call.params.text(0) as ExceptionKind, "as it was asked");
      case METHOD.huge:
        return text("x".repeat(70_000_000));
      case METHOD.crowd:
        return {
          dataWords: 0,
          pointers: 20,
          write: (struct, capabilities) => {
            for (let index = 0; index < 20; index++) struct.capability(index, capabilities.add(new Echo()));
          },
        };
      default:
        throw new TypeError("a secret");
    }
  }

  async #later(call: IncomingCall, content: Content | undefined): Promise<Content | undefined> {
    const gate = new Promise<"open">((resolve) => {
      this.gates.push(() => {
        resolve("open");
      });
    });
    if ((await Promise.race([gate, aborted(call.signal)])) === "open") return content;
    this.aborted++;
    throw call.signal.reason;
  }

  async #callBack(call: IncomingCall): Promise<Content> {
    const other = call.capability(0);
    if (other === undefined) throw new RpcException("failed", "nobody to call back");
    return text(`called back: ${await echo(other, "hello").results}`);
  }
}

export function echo(object: Capability, value: string): PendingCall<string> {
  return object.call({
    interfaceId: INTERFACE,
    method: METHOD.echo,
    params: text(value),
    read: ({ content }) => content.text(0),
  });
}

/** Calls a method without parameters, for what may be pipelined on it. */
export function invoke(object: Capability, method: number): PendingCall<undefined> {
  return object.call({ interfaceId: INTERFACE, method, read: () => undefined });
}

export function fail(object: Capability, kind: ExceptionKind): PendingCall<undefined> {
  return object.call({ interfaceId: INTERFACE, method: METHOD.fail, params: text(kind), read: () => undefined });
}

/** Hands an object over that is called back. */
export function callBack(object: Capability, receiver: HostedObject): PendingCall<string> {
  return object.call({
    interfaceId: INTERFACE,
    method: METHOD.callBack,
    params: {
      dataWords: 0,
      pointers: 1,
      write: (struct, capabilities) => {
        struct.capability(0, capabilities.add(receiver));
      },
    },
    read: ({ content }) => content.text(0),
  });
}
