import type { Values } from "./command.ts";

/** What `run` takes. */
export const RUN_OPTIONS = {
  image: { kind: "text", about: "Image of the container (default: $CMD2HOST_RUN_IMAGE)", placeholder: "IMAGE" },
  engine: {
    kind: "text",
    about: "podman or docker, by name or path (default: the first on PATH)",
    placeholder: "NAME",
  },
  network: { kind: "text", about: "Network that the container joins", placeholder: "NAME", default: "none" },
  env: {
    kind: "texts",
    about: "Variable that the container gets, with the value that it has here",
    placeholder: "NAME",
  },
  "mount-bridge": {
    kind: "switch",
    about: "Put cmd2host's programs and the commands into the container, whatever its image",
  },
  commands: {
    kind: "text",
    about: "With --mount-bridge: the commands, separated by commas (default: those of the operations)",
    placeholder: "LIST",
  },
  workspace: { kind: "text", about: "The checkout (default: the current directory)", placeholder: "DIR" },
  project: { kind: "text", about: "The project, when several name this checkout", placeholder: "ID" },
  ttl: {
    kind: "text",
    about: "How long the session's token is valid; at most 24h",
    placeholder: "TIME",
    default: "24h",
  },
  command: { kind: "rest", about: "The program and its arguments" },
} as const;

export type RunValues = Values<typeof RUN_OPTIONS>;
