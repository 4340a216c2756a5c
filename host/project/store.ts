import { CodedError } from "../../wire/errors.ts";
import { IdentityCache } from "../util/identity-cache.ts";
import { readTrusted, type TrustedFile } from "../util/read-trusted.ts";
import { compileProject, type LoadedProject } from "./compile.ts";
import { isPinned, MAX_CONFIG_BYTES, projectFiles, readPin, type ProjectFiles } from "./pin.ts";
import { distinctProjectId, plainProjectId, requireProjectId } from "./project-id.ts";
import type { Project } from "./types.ts";

const MAX_CACHED = 256;

/** What a session's token says about its project. */
export interface ProjectBinding {
  readonly projectId: string;
  readonly repo: string;
}

interface CachedProject {
  readonly loaded: LoadedProject;
  readonly pin: string | undefined;
}

function readConfig(files: ProjectFiles): TrustedFile | undefined {
  try {
    return readTrusted(files.config, MAX_CONFIG_BYTES);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "file_failed") throw error;
    throw new CodedError("config_invalid", `invalid project config: ${error.message}`, { cause: error });
  }
}

/** Reads and compiles a project's configuration from one read of one handle. Throws `project_unknown` when there is none. */
export function loadProject(files: ProjectFiles, id: string): LoadedProject & { readonly bytes: Buffer } {
  const file = readConfig(files);
  if (file === undefined)
    throw new CodedError("project_unknown", `project config not found: ${id} (expected at ${files.config})`);
  return { ...compileProject(id, file.bytes, files.config), bytes: file.bytes };
}

/**
 * Hands out approved projects. Compiled configurations are kept for as long as neither the configuration nor its approval changes on disk.
 */
export class ProjectStore {
  readonly #projects: string;
  readonly #cache = new IdentityCache<CachedProject>(MAX_CACHED);

  /** @param projects the directory that holds one directory per project */
  constructor(projects: string) {
    this.#projects = projects;
  }

  /**
   * The project that a session belongs to, if its configuration is the approved one.
   * @throws CodedError `token_unbound`, `project_unknown`, `config_invalid`, `config_untrusted`, `project_mismatch`, `config_not_allowed`
   */
  resolve(binding: ProjectBinding): Project {
    if (binding.projectId === "" && binding.repo === "") {
      throw new CodedError("token_unbound", "the token does not carry a project_id or repo binding");
    }
    const id = binding.projectId === "" ? this.#idOfRepo(binding.repo) : requireProjectId(binding.projectId);
    const { loaded, pin } = this.#load(id);
    const { project } = loaded;
    const primary = project.repos[0]?.name;
    if (binding.repo !== "" && binding.repo !== primary) {
      throw new CodedError(
        "project_mismatch",
        `token-project mismatch: the token is for ${binding.repo}, project ${id} is for ${primary ?? "nothing"}`,
      );
    }
    if (!isPinned(pin, project.configHash)) {
      throw new CodedError(
        "config_not_allowed",
        `config not allowed (hash: ${project.configHash.slice(0, 16)}); run on the host: cmd2host config allow ${id}`,
      );
    }
    return project;
  }

  /** Tokens of the original name only a repository. Two repositories may share the plain id; the second has a distinct one. */
  #idOfRepo(repo: string): string {
    const plain = requireProjectId(plainProjectId(repo));
    const distinct = distinctProjectId(repo);
    try {
      return this.#load(distinct).loaded.project.repos[0]?.name === repo ? distinct : plain;
    } catch (error) {
      if (error instanceof CodedError && error.code === "project_unknown") return plain;
      throw error;
    }
  }

  #load(id: string): CachedProject {
    const files = projectFiles(this.#projects, id);
    return this.#cache.get(id, [files.config, files.pin], () => {
      const { project, config, unknown } = loadProject(files, id);
      return { loaded: { project, config, unknown }, pin: readPin(files) };
    });
  }
}
