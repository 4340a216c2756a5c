import type { Target } from "../engine/target.ts";
import { bridge } from "./bridge.ts";
import { capnp } from "./capnp.ts";
import { framing } from "./framing.ts";
import { gitConfig } from "./git-config.ts";
import { linkMessages } from "./link-messages.ts";
import { objects } from "./objects.ts";
import { paths } from "./paths.ts";
import { refs } from "./refs.ts";
import { remoteRequest } from "./remote-request.ts";
import { request } from "./request.ts";
import { reverse } from "./reverse-match.ts";
import { workspace } from "./workspace.ts";

/** Everything that is fuzzed. */
export const TARGETS: readonly Target[] = [
  framing,
  linkMessages,
  bridge,
  request,
  gitConfig,
  workspace,
  refs,
  objects,
  remoteRequest,
  reverse,
  paths,
  capnp,
];
