import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { SESSION_DIRECTORY, SOCKET, SOCKET_DIRECTORY, TOKEN_FILE } from "../util/container-places.ts";
import { BOX_LABEL } from "./container.ts";
import type { Engine } from "./engine.ts";

/** Where the workspace and what belongs to the session are in a throw-away container. */
export const WORKSPACE = "/workspace";
export const MCP_CONFIG = `${SESSION_DIRECTORY}/mcp.json`;

/** What a throw-away container is made of. */
export interface BoxPlan {
  readonly name: string;
  readonly image: string;
  readonly words: readonly string[];
  /** `none`, or a network that the engine knows. */
  readonly network: string;
  readonly workspace: string;
  /** The directory in the workspace that the program starts in; empty is its root. */
  readonly inside: string;
  readonly socketDirectory: string;
  readonly sessionDirectory: string;
  /** Programs that are put into it: the name there, and the file here. */
  readonly programs: ReadonlyMap<string, string>;
  /** Names of variables that are taken over from our own environment. */
  readonly variables: readonly string[];
  readonly uid: number;
  readonly gid: number;
  readonly stdin: "terminal" | "stream";
}

function mount(source: string, target: string, access: "readonly" | "writable"): readonly string[] {
  if (/[,"\n\r]/.test(source))
    throw new CodedError(
      "container_failed",
      `${printable(source)} cannot be mounted: its name has a comma, a quote or a line end`,
      {
        hint: "Rename it.",
      },
    );
  return ["--mount", `type=bind,source=${source},target=${target}${access === "readonly" ? ",readonly" : ""}`];
}

/**
 * Whose files the program sees as its own. With podman as a plain user the caller's id is kept; a docker engine of a plain user makes the caller root
 * inside; else the ids are those of the host.
 */
function userWords({ kind, rootless }: Engine, uid: number, gid: number): readonly string[] {
  if (rootless && kind === "podman") return ["--userns", "keep-id", "--user", `${uid}:${gid}`];
  return ["--user", rootless ? "0:0" : `${uid}:${gid}`];
}

/** Claude Code is told where its servers are, unless the command says so itself. */
function withMcpConfig(words: readonly string[]): readonly string[] {
  const [program = "", ...rest] = words;
  const told = rest.some((word) => word === "--mcp-config" || word.startsWith("--mcp-config="));
  return program !== "claude" || told ? words : [program, `--mcp-config=${MCP_CONFIG}`, ...rest];
}

/**
 * The arguments for the engine. No shell reads them, and no secret is in them.
 * @throws CodedError `container_failed` when something cannot be said to the engine
 */
export function boxWords(plan: BoxPlan, engine: Engine): readonly string[] {
  const { name, image, network, workspace, inside, programs, variables } = plan;
  if (image.startsWith("-") || image === "")
    throw new CodedError("usage", `--image ${JSON.stringify(image)} is no image`, {
      hint: "Name one: --image debian:stable",
    });
  const set = (variable: string, value: string): readonly string[] => ["--env", `${variable}=${value}`];
  return [
    "run",
    "--rm",
    ...["--name", name, "--label", `${BOX_LABEL}=${name}`],
    ...["--network", network],
    ...["--cap-drop", "all", "--security-opt", "no-new-privileges"],
    ...userWords(engine, plan.uid, plan.gid),
    ...mount(workspace, WORKSPACE, "writable"),
    ...mount(plan.socketDirectory, SOCKET_DIRECTORY, "readonly"),
    ...mount(plan.sessionDirectory, SESSION_DIRECTORY, "readonly"),
    ...[...programs].flatMap(([command, file]) => mount(file, `/usr/local/bin/${command}`, "readonly")),
    ...["--workdir", inside === "" ? WORKSPACE : `${WORKSPACE}/${inside}`],
    ...set("HOST_CMD_PROXY_SOCKET", SOCKET),
    ...set("HOST_CMD_PROXY_TOKEN_FILE", TOKEN_FILE),
    ...set("CMD2HOST_MCP_CONFIG", MCP_CONFIG),
    ...variables.flatMap((variable) => ["--env", variable]),
    "--interactive",
    ...(plan.stdin === "terminal" ? ["--tty"] : []),
    image,
    ...withMcpConfig(plan.words),
  ];
}
