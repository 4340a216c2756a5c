import { readTokenFile } from "../wire/client-token.ts";
import { CodedError } from "../wire/errors.ts";
import { quoted } from "../wire/text.ts";

/** Where the session token comes from. */
export interface TokenSource {
  /** The newest token that is known. Never fails: a file that is gone or blank leaves the last token in place. */
  current(): Promise<string>;
  /** One sentence for somebody whose token was refused: how this server gets a new one. */
  readonly advice: string;
}

function fromFile(file: string, first: string): TokenSource {
  let newest = first;
  return {
    async current() {
      // A token that is being replaced may be missing or blank for a moment.
      const text = await readTokenFile(file).catch(() => "");
      if (text !== "") newest = text;
      return newest;
    },
    advice: `This server reads ${quoted(file)} before every call, so writing the new token there is enough.`,
  };
}

const OWN_ADVICE =
  "This server took its token from CMD2HOST_TOKEN: restart it with the new one, or with --token-file, which is read again before every call.";
const HOSTED_ADVICE =
  "When the new token is in the container's token file, this server is replaced by one that has it, within seconds.";

/**
 * Finds the token: the file if one is named and not blank, else the environment's. Tokens live a day at most and are
 * replaced on the host while this server runs, so a named file is read again before every call and its newest text that
 * is not blank counts. A hosted server was started by the daemon for a client that comes again by itself. Throws `file_failed` when the file cannot be read now, `token_missing` when there is no token.
 */
export async function openTokenSource(
  file: string | undefined,
  environment: string | undefined,
  isHosted = false,
): Promise<TokenSource> {
  const fallback = (environment ?? "").trim();
  const first = file === undefined ? "" : await readTokenFile(file);
  const token = first === "" ? fallback : first;
  if (token === "") {
    throw new CodedError("token_missing", "token is required: neither --token-file nor CMD2HOST_TOKEN gives one", {
      hint: "Mint one on the host with `cmd2host token mint`, then pass it by --token-file or CMD2HOST_TOKEN.",
    });
  }
  if (file !== undefined) return fromFile(file, token);
  return { current: async () => Promise.resolve(token), advice: isHosted ? HOSTED_ADVICE : OWN_ADVICE };
}
