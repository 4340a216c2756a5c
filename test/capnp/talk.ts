/** What our gateway says in the transcripts: the same when they were recorded and when they are replayed. */
import { CommandoClient } from "../../capnp/commando/client.ts";
import { messageOf } from "../../wire/errors.ts";

export const TALKS = ["all", "cancel", "wrong"] as const;
export type Talk = (typeof TALKS)[number];

const NEVER = new AbortController().signal;

function command(text: string) {
  return { command: text, workDir: "", timeoutSecs: 60, extraEnv: new Map([["K", "V"]]), requestId: "id-1" };
}

/** Talks to the agent at a port of this machine. Returns what came of each call. */
export async function talk(what: Talk, port: number): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  const open = async (psk: string): Promise<CommandoClient> =>
    CommandoClient.connect({
      host: "127.0.0.1",
      port,
      psk: Buffer.from(psk),
      connectTimeoutMs: 5_000,
      replyTimeoutMs: 10_000,
      signal: NEVER,
    });
  const see = async (result: Promise<unknown>): Promise<void> => {
    seen.push(await result.catch((error: unknown) => messageOf(error)));
  };
  if (what === "wrong") {
    await see(open("nope"));
    return seen;
  }
  const gateway = await open("secret");
  const cancel = new AbortController();
  const output: string[] = [];
  const sink = {
    write: (stream: string, bytes: Buffer): undefined => {
      output.push(`${stream} ${bytes.toString()}`);
      return undefined;
    },
  };
  if (what === "cancel") {
    const result = gateway.execStream(command("sleep"), sink, cancel.signal);
    setImmediate(() => {
      cancel.abort();
    });
    await see(result);
  } else {
    await see(gateway.ping(NEVER));
    await see(gateway.execStream(command("12 4"), sink, NEVER));
    seen.push(output);
    await see(
      gateway.exec(command("9000 100"), NEVER).then(({ stdout, stderr, ...rest }) => ({
        ...rest,
        stdout: stdout.length,
        stderr: stderr.length,
      })),
    );
    await see(gateway.exec(command("full"), NEVER));
    gateway.close();
  }
  await gateway.closed;
  return seen;
}
