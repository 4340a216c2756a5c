import { CodedError } from "../../wire/errors.ts";
import type { ServedPage } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { resolve } from "node:path";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import type { Context } from "./context.ts";
import { openBrowser } from "./open-browser.ts";
import { asOwner } from "./owner-client.ts";

/** How a page on a socket is reached from another machine. */
function forwardWords(socket: string): string {
  return [
    "A browser reaches it through whatever forwards to the socket, for example on the machine with the browser:",
    `  ssh -N -L 8080:${printable(socket)} THIS_HOST`,
    "and then, there, the address above with localhost:8080 in place of localhost.",
    "",
  ].join("\n");
}

async function shown(
  page: ServedPage,
  wantsBrowser: boolean,
  socket: string | undefined,
  context: Context,
): Promise<Report> {
  const { url = "", file, address = "", login_seconds: seconds = 0 } = page;
  const isOpened = wantsBrowser && socket === undefined && (await openBrowser(file, context));
  const once = `It logs in once, within ${seconds} seconds.`;
  const human = isOpened
    ? `The page is opened in your browser. If it is not, open this address by hand:\n  ${url}\n${once}\n`
    : `Open this address in your browser:\n  ${url}\n${once}\n${socket === undefined ? "" : forwardWords(socket)}`;
  return { exit: 0, human, json: { url, address, login_seconds: seconds, opened: isOpened } };
}

export const ui = command({
  path: ["ui"],
  about: "Open the page of the running daemon in your browser: what waits for you, what runs, what was decided.",
  options: {
    "no-open": { kind: "switch", about: "Print the address only" },
    socket: {
      kind: "text",
      about: "Serve it on a Unix socket instead of a port of this machine",
      placeholder: "PATH",
    },
    stop: { kind: "switch", about: "End the page and every login to it" },
    json: JSON_SWITCH,
  },
  examples: [
    ["ui", "Open the page"],
    ["ui --no-open", "Print its address, to open it by hand"],
    ["ui --stop", "End it"],
  ],
  more: "The page is served from now on, on a free port of 127.0.0.1, until no browser was connected for 30 minutes. Each call makes a login of its own, good once and for 60 seconds. On a socket and on a port it is served one at a time.",
  run: async ({ "no-open": noOpen, socket: given, stop }, context) => {
    if (stop && (given !== undefined || noOpen))
      throw new CodedError("usage", "--stop goes alone", { hint: "Write cmd2host ui --stop." });
    const socket = given === undefined ? undefined : resolve(context.cwd, given);
    return asOwner(context.base(), async (owner) => {
      const page = await owner.page({ ...(socket === undefined ? {} : { socket }), ...(stop ? { stop } : {}) });
      if (!stop) return shown(page, !noOpen, socket, context);
      const stopped = page.stopped === true;
      return { exit: 0, human: stopped ? "The page has ended.\n" : "There was no page.\n", json: { stopped } };
    });
  },
});
