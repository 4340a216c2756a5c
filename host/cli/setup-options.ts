import { JSON_SWITCH, type Values } from "./command.ts";

/** What `setup` takes. */
export const SETUP_OPTIONS = {
  workspace: { kind: "text", about: "The checkout (default: the current directory)", placeholder: "DIR" },
  template: {
    kind: "text",
    about: "What the agent may do, see cmd2host templates (default: readonly)",
    placeholder: "NAME",
  },
  repo: { kind: "text", about: "Repository (default: what the checkout's origin names)", placeholder: "OWNER/NAME" },
  host: { kind: "text", about: "Git host of the repository (default: the origin's)", placeholder: "HOST" },
  branch: {
    kind: "texts",
    about: "RE2 pattern of branches that may be pushed to, matched as a whole (replaces the template's)",
    placeholder: "PATTERN",
  },
  submodules: { kind: "switch", about: "Allow the same in the submodules" },
  id: { kind: "text", about: "Project id (default: made from the repository)", placeholder: "ID" },
  commands: {
    kind: "text",
    about: "Commands that the container gets, separated by commas (default: those of the operations)",
    placeholder: "LIST",
  },
  mode: {
    kind: "text",
    about: "How the container reaches the daemon: unix or tcp (default: unix, on macOS tcp)",
    placeholder: "MODE",
  },
  feature: {
    kind: "text",
    about:
      "Reference of the devcontainer feature (default: the one that is there, then $CMD2HOST_FEATURE, then one that is written into .devcontainer)",
    placeholder: "REF",
  },
  runtime: {
    kind: "text",
    about: "What runs in the container: auto, bridge or node (default: what is there, then auto)",
    placeholder: "NAME",
  },
  devcontainer: { kind: "text", about: "Which devcontainer.json, when there are several", placeholder: "PATH" },
  image: {
    kind: "text",
    about: "Image for a checkout that has no devcontainer.json",
    placeholder: "IMAGE",
    default: "debian:stable-slim",
  },
  mcp: {
    kind: "text",
    about: "MCP clients whose files get the server: claude, vscode, none",
    placeholder: "LIST",
    default: "claude,vscode",
  },
  "no-devcontainer": { kind: "switch", about: "Leave devcontainer.json as it is" },
  yes: { kind: "switch", short: "y", about: "Ask nothing, and do it" },
  "dry-run": { kind: "switch", about: "Show what would be done, and do nothing" },
  undo: { kind: "switch", about: "Take back everything that setup did to this checkout" },
  json: JSON_SWITCH,
} as const;

export type SetupValues = Values<typeof SETUP_OPTIONS>;
