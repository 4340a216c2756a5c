import { CodedError } from "../wire/errors.ts";
import { quoted, shortened } from "../wire/text.ts";
import { DEFAULT_PREFIX, nameToken, Subjects } from "./subjects.ts";

/** How a machine reaches NATS. Members that are left out have defaults. */
export interface NatsSettings {
  /** `HOST:PORT` of one server or several of a cluster. `tls://` before any of them demands TLS of all. */
  readonly servers: readonly string[];
  /** The name of this machine, which the permissions of its key are for. */
  readonly name: string;
  /** What all subjects of the fleet begin with. Default: `cmd2host`. */
  readonly prefix?: string | undefined;
  /** A file with the seed of an nkey. Only its owner may read it. */
  readonly nkeySeedFile?: string | undefined;
  /** A file with a JWT and the seed of its nkey, as `nsc` makes them. Only its owner may read it. */
  readonly credsFile?: string | undefined;
  /** Demands TLS; the files are PEM. Without `caFile`, the authorities that the runtime knows are trusted. */
  readonly tls?: NatsTlsSettings | undefined;
}

export interface NatsTlsSettings {
  readonly caFile?: string | undefined;
  /** Of this machine, when the servers ask for one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** TLS from the first byte on; the servers need the same setting. */
  readonly handshakeFirst?: boolean | undefined;
}

/** Settings that were looked at. */
export interface CheckedSettings {
  readonly servers: readonly string[];
  /** This machine's name as a token of subjects. */
  readonly self: string;
  readonly subjects: Subjects;
  readonly wantsTls: boolean;
}

const MAX_SERVERS = 64;
const SERVER = /^(?:(nats|tls):\/\/)?(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/;

function unusable(message: string): CodedError {
  return new CodedError("nats_unusable", `NATS: ${message}`);
}

/** Checks what can be checked without a server or a file. Pure. @throws CodedError `nats_unusable` */
export function checkSettings(settings: NatsSettings): CheckedSettings {
  const { servers, name, prefix = DEFAULT_PREFIX, nkeySeedFile, credsFile, tls } = settings;
  if (servers.length === 0 || servers.length > MAX_SERVERS)
    throw unusable(`${servers.length} servers; from 1 to ${MAX_SERVERS} are needed`);
  // What follows an @ would be a password, which belongs neither into a configuration nor into this message.
  const wrong = servers.find((server) => !SERVER.test(server));
  if (wrong !== undefined)
    throw unusable(
      wrong.includes("@")
        ? "a server's address holds a user or a password; use a key in a file instead"
        : `server ${quoted(shortened(wrong, 80))} must be HOST:PORT, nats://HOST:PORT or tls://HOST:PORT`,
    );
  if (nkeySeedFile !== undefined && credsFile !== undefined)
    throw unusable("give the seed of a key or a credentials file, not both");
  if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined))
    throw unusable("a certificate and its key are needed together");
  return {
    servers: servers.map((server) => server.replace(/^\w+:\/\//, "")),
    self: nameToken(name),
    subjects: new Subjects(prefix),
    wantsTls: tls !== undefined || servers.some((server) => server.startsWith("tls://")),
  };
}
