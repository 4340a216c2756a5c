import { nameToken, Subjects, DEFAULT_PREFIX } from "./subjects.ts";

/** Which machines a key is for: one that runs operations, or one that sends them. */
export type NatsRole = "agent" | "gateway";

/** What a key may do at the servers. Everything else is denied. */
export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** A machine and its key. */
export interface NatsUser {
  readonly name: string;
  readonly role: NatsRole;
  /** The public half of its nkey: U… */
  readonly nkey: string;
}

/**
 * The permissions that a machine needs, and no others. An agent listens under its own name, and can neither hear nor speak on a subject with the
 * name of another one. It needs no `allow_responses`: answers to dials go to subjects with its own name.
 * @throws CodedError `nats_unusable` for a name or prefix that is none
 */
export function permissionsOf({ name, role }: Pick<NatsUser, "name" | "role">, prefix = DEFAULT_PREFIX): Permissions {
  const subjects = new Subjects(prefix);
  const self = nameToken(name);
  const inbox = `${subjects.inbox(self)}.>`;
  if (role === "agent") {
    const ends = { machine: self, dialler: "*" };
    return {
      publish: [subjects.from(ends, "*"), subjects.presence(self), subjects.audit(self)],
      subscribe: [subjects.dial(ends), subjects.to(ends, "*"), inbox],
    };
  }
  const ends = { machine: "*", dialler: self };
  return {
    publish: [
      subjects.dial(ends),
      subjects.to(ends, "*"),
      subjects.audit(self),
      `$JS.API.STREAM.CREATE.${subjects.auditStream()}`,
    ],
    subscribe: [subjects.from(ends, "*"), subjects.presence("*"), inbox],
  };
}

function listText(subjects: readonly string[]): string {
  return `[${subjects.map((subject) => JSON.stringify(subject)).join(", ")}]`;
}

/** The part of a nats-server's configuration that knows these machines, and nobody else. All servers of a cluster need the same. */
export function accountsText(users: readonly NatsUser[], prefix = DEFAULT_PREFIX): string {
  const lines = users.flatMap((user) => {
    const { publish, subscribe } = permissionsOf(user, prefix);
    return [
      `      { # ${user.role} ${nameToken(user.name)}`,
      `        nkey: ${user.nkey}`,
      `        permissions: {`,
      `          publish: { allow: ${listText(publish)} }`,
      `          subscribe: { allow: ${listText(subscribe)} }`,
      `        }`,
      `      }`,
    ];
  });
  return [
    "accounts: {",
    "  FLEET: {",
    "    jetstream: enabled",
    "    users: [",
    ...lines,
    "    ]",
    "  }",
    "}",
    "",
  ].join("\n");
}
