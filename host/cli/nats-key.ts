import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";

/** False when the file is there already, and is left as it is. @throws CodedError `file_failed` */
function made(file: string, seed: string): boolean {
  try {
    writeFileSync(file, `${seed}\n`, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? "unknown error";
    if (errno === "EEXIST") return false;
    throw new CodedError("file_failed", `${printable(file)}: cannot be made: ${errno}`, { cause: error });
  }
}

export const natsKey = command({
  path: ["nats", "key"],
  about: "Make the key by which the servers of NATS know this machine, and print its public half.",
  options: {
    file: { kind: "word", about: "Where the seed is, or is to be: a secret, which never leaves this machine" },
    json: JSON_SWITCH,
  },
  examples: [["nats key /var/lib/cmd2host/nats.nk", "Prints U…, which cmd2host nats accounts is given"]],
  more: 'A file that is there is left as it is, and its public half is printed. Its owner must be the user that the agent or the gateway runs as; "nkey_seed_file" of agent.nats in daemon.json names it, or nkey_seed of [nats] in gateway.toml.',
  run: async ({ file: written }) => {
    const { newNkey, publicNkeyIn } = await import("../../nats/credentials.ts");
    const file = resolve(written);
    const isNew = made(file, newNkey().seed);
    const publicKey = publicNkeyIn(file);
    return {
      exit: 0,
      human: `${publicKey}\n`,
      json: { file, public_key: publicKey, made: isNew },
      stderr: isNew ? `Made ${printable(file)}\n` : `note: ${printable(file)} was there already\n`,
    };
  },
});
