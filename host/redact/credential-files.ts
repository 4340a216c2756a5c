import { closeSync, constants, fstatSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { IdentityCache } from "../util/identity-cache.ts";
import { readAll } from "../util/regular-file.ts";
import { LEAST_SECRET, type KnownSecret } from "./known-secret.ts";

/** Credentials are short; what is larger is no file of them. */
const MOST_BYTES = 1_048_576;
const MOST_CACHED = 64;

type Kind = "gh-credentials" | "aws-credentials" | "git-credentials" | "netrc";

/** Every value that follows a name, in YAML, INI or JSON. */
const SETTINGS: Readonly<Record<Exclude<Kind, "git-credentials" | "netrc">, RegExp>> = {
  "gh-credentials": /\boauth_token\s*:\s*["']?([^\s"'#]+)/g,
  "aws-credentials":
    /(?:aws_secret_access_key|aws_session_token|aws_security_token|"SecretAccessKey"|"SessionToken"|"accessToken"|"refreshToken"|"clientSecret")\s*[:=]\s*"?([^\s"]+)/gi,
};

function decoded(text: string): readonly string[] {
  try {
    return [text, decodeURIComponent(text)];
  } catch {
    return [text];
  }
}

function valuesIn(kind: Kind, text: string): readonly string[] {
  switch (kind) {
    case "git-credentials":
      return [...text.matchAll(/^[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:([^@/\s]+)@/gim)].flatMap(([, value = ""]) =>
        decoded(value),
      );
    case "netrc":
      return [...text.matchAll(/\bpassword\s+(\S+)/g)].map(([, value = ""]) => value);
    case "gh-credentials":
    case "aws-credentials":
      return [...text.matchAll(SETTINGS[kind])].map(([, value = ""]) => value);
  }
}

/** A file of the owner's, also behind a link; what cannot be read holds no secret that a program could have from it. */
function textOf(path: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return "";
  }
  try {
    return fstatSync(descriptor).isFile() ? readAll(descriptor, path, MOST_BYTES).toString("utf8") : "";
  } catch {
    return "";
  } finally {
    closeSync(descriptor);
  }
}

function jsonFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".json"))
      .slice(0, MOST_CACHED)
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function secretsIn(kind: Kind, path: string): readonly KnownSecret[] {
  return [...new Set(valuesIn(kind, textOf(path)))]
    .filter((value) => Buffer.byteLength(value) >= LEAST_SECRET)
    .map((value) => ({ kind, value }));
}

interface Place {
  readonly kind: Kind;
  readonly path: string;
  /** A directory of JSON files. */
  readonly isDirectory: boolean;
}

function placesOf(environment: ReadonlyMap<string, string>): readonly Place[] {
  const set = (name: string): string | undefined => {
    const value = environment.get(name);
    return value === "" ? undefined : value;
  };
  const home = set("HOME");
  const inHome = (...parts: readonly string[]): string | undefined =>
    home === undefined ? undefined : join(home, ...parts);
  const config = set("XDG_CONFIG_HOME") ?? inHome(".config");
  const inConfig = (...parts: readonly string[]): string | undefined =>
    config === undefined ? undefined : join(config, ...parts);
  const ghDirectory = set("GH_CONFIG_DIR") ?? inConfig("gh");
  const file = (kind: Kind, path: string | undefined): readonly Place[] =>
    path === undefined ? [] : [{ kind, path, isDirectory: false }];
  const directory = (path: string | undefined): readonly Place[] =>
    path === undefined ? [] : [{ kind: "aws-credentials", path, isDirectory: true }];
  return [
    ...file("gh-credentials", ghDirectory === undefined ? undefined : join(ghDirectory, "hosts.yml")),
    ...file("aws-credentials", set("AWS_SHARED_CREDENTIALS_FILE") ?? inHome(".aws", "credentials")),
    ...file("aws-credentials", set("AWS_CONFIG_FILE") ?? inHome(".aws", "config")),
    ...directory(inHome(".aws", "sso", "cache")),
    ...directory(inHome(".aws", "cli", "cache")),
    ...file("git-credentials", inHome(".git-credentials")),
    ...file("git-credentials", inConfig("git", "credentials")),
    ...file("netrc", set("NETRC") ?? inHome(".netrc")),
  ];
}

/**
 * What gh, aws, git and netrc keep for their programs on this host. A file is read again when it changed, so a login that was made a moment ago counts;
 * while nothing changes, asking costs one `stat` a file.
 */
export class CredentialFiles {
  readonly #places: readonly Place[];
  readonly #names = new IdentityCache<readonly string[]>(4);
  readonly #cache = new IdentityCache<readonly KnownSecret[]>(MOST_CACHED + 16);

  /** @param environment the daemon's own, which says where they are */
  constructor(environment: ReadonlyMap<string, string>) {
    this.#places = placesOf(environment);
  }

  secrets(): readonly KnownSecret[] {
    return this.#places.flatMap(({ kind, path, isDirectory }) => {
      const files = isDirectory ? this.#names.get(path, [path], () => jsonFiles(path)) : [path];
      return files.flatMap((file) => this.#cache.get(file, [file], () => secretsIn(kind, file)));
    });
  }
}
