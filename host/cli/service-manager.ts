import { existsSync } from "node:fs";
import { managerOf, type Manager } from "../service/choose.ts";
import { readDefinition } from "../service/definition-file.ts";
import type { Definition } from "../service/platform.ts";
import { baseDirectory, type BaseDirectory } from "../util/base-directory.ts";
import type { Context } from "./context.ts";
import { allWorkspaces } from "../project/workspaces.ts";

/** The service as it is installed. */
export interface InstalledService {
  readonly definition: Definition;
  /** Of what it serves, which need not be that of this shell. */
  readonly base: BaseDirectory;
}

/** The service manager of this system. @throws CodedError `service_unavailable`, `base_unusable` */
export function serviceManager(context: Context): Manager {
  const base = context.base();
  const workspaces = existsSync(base.projects) ? allWorkspaces(base.projects) : [];
  return managerOf(context.system, context.environment, base.root, workspaces);
}

/** What is installed, or undefined. @throws CodedError `file_failed` */
export function installedService({ platform }: Manager, context: Context): InstalledService | undefined {
  const text = readDefinition(platform.file);
  if (text === undefined) return undefined;
  const definition = platform.read(text);
  const { HOME } = context.environment;
  return { definition, base: baseDirectory({ HOME, ...Object.fromEntries(definition.environment) }) };
}
