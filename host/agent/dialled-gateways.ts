import { LinkDialler, type DiallerOptions } from "../../link/dial.ts";
import type { LinkPeer } from "../../link/peer.ts";
import type { Pin } from "../../link/pins.ts";
import { tcpConnect } from "../../link/tcp.ts";

/** How soon a gateway that was enrolled or removed by another process is noticed. */
const LOOK_MS = 1_000;

interface Dialled {
  readonly dialler: LinkDialler;
  readonly addresses: string;
}

/** Keeps a link to every gateway that does not come by itself: those that are known with an address. */
export class DialledGateways {
  readonly #link: Omit<DiallerOptions, "peer" | "connect">;
  readonly #dialled = new Map<string, Dialled>();
  #timer: NodeJS.Timeout | undefined;

  constructor(link: Omit<DiallerOptions, "peer" | "connect">) {
    this.#link = link;
  }

  get peers(): readonly LinkPeer[] {
    return [...this.#dialled.values()].flatMap(({ dialler }) => (dialler.peer === undefined ? [] : [dialler.peer]));
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { dialler } of this.#dialled.values()) dialler.close();
    this.#dialled.clear();
  }

  #look(): void {
    const wanted = new Map(
      this.#link.pins
        .list()
        .filter(({ addresses }) => addresses.length > 0)
        .map((pin) => [pin.name, pin]),
    );
    for (const [name, { dialler, addresses }] of this.#dialled) {
      if (wanted.get(name)?.addresses.join(" ") === addresses) continue;
      dialler.close();
      this.#dialled.delete(name);
    }
    for (const pin of wanted.values()) if (!this.#dialled.has(pin.name)) this.#dial(pin);
  }

  #dial({ name, addresses }: Pin): void {
    const dialler = new LinkDialler({ ...this.#link, peer: name, connect: tcpConnect(addresses) });
    this.#dialled.set(name, { dialler, addresses: addresses.join(" ") });
    dialler.start();
  }
}
