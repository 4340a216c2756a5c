import { attempt, CodedError } from "../../../wire/errors.ts";
import type { OperationRow, ProjectDesk, ProjectRow, ProjectView } from "../../page/desk.ts";
import { approvalFor, approvalOf, approvedProject } from "../../project/approval.ts";
import { compileProject, type LoadedProject } from "../../project/compile.ts";
import { compareProjects, textualDiff } from "../../project/diff.ts";
import { MAX_CONFIG_BYTES, projectFiles, readPin, readSnapshot } from "../../project/pin.ts";
import { listProjectIds, requireProjectId } from "../../project/project-id.ts";
import { commandLine } from "../../project/words.ts";
import { IdentityCache } from "../../util/identity-cache.ts";
import { readTrusted } from "../../util/read-trusted.ts";

const MAX_PROJECTS = 500;
/** A difference that is longer is for a terminal. */
const MAX_TEXT = 200_000;

function operationsOf({ project }: LoadedProject): readonly OperationRow[] {
  const allowed = new Set(project.allowed);
  return [...project.operations.values()].map((operation) => ({
    id: operation.id,
    about: operation.title === "" ? operation.description : operation.title,
    command: commandLine(operation),
    allowed: allowed.has(operation.id),
  }));
}

/** The configured projects, for the page. */
export class ProjectsOnDisk implements ProjectDesk {
  readonly #directory: string;
  readonly #states = new IdentityCache<ProjectRow["state"]>(MAX_PROJECTS);

  constructor(directory: string) {
    this.#directory = directory;
  }

  list(): readonly ProjectRow[] {
    return listProjectIds(this.#directory)
      .slice(0, MAX_PROJECTS)
      .map((id) => ({ id, state: this.#stateOf(id) }));
  }

  view(id: string): ProjectView {
    const row = this.list().find((one) => one.id === id);
    if (row === undefined)
      throw new CodedError("not_found", "There is no such project", { hint: "See cmd2host projects." });
    const nothing = { ...row, repos: [], operations: [], changes: [], text: "" };
    return attempt(
      () => ({ ...nothing, ...this.#read(requireProjectId(id)) }),
      (error) => ({ ...nothing, problem: error.message }),
    );
  }

  #stateOf(id: string): ProjectRow["state"] {
    const files = projectFiles(this.#directory, id);
    return this.#states.get(id, [files.config, files.pin], () => approvalOf(this.#directory, id));
  }

  #read(id: string): Omit<ProjectView, "id"> {
    const files = projectFiles(this.#directory, id);
    const bytes = readTrusted(files.config, MAX_CONFIG_BYTES)?.bytes;
    if (bytes === undefined) throw new CodedError("not_found", "The project has no configuration");
    const state = approvalFor(bytes, readPin(files));
    const loaded = compileProject(id, bytes, files.config);
    const before = approvedProject(files, id);
    const snapshot = readSnapshot(files);
    const text = snapshot === undefined ? "" : textualDiff(snapshot.toString("utf8"), bytes.toString("utf8"));
    return {
      state,
      repos: loaded.project.repos.map(({ name }) => name),
      operations: operationsOf(loaded),
      changes:
        state === "allowed"
          ? []
          : compareProjects(before, loaded).map(({ effect, text: words, details }) => ({
              effect,
              text: words,
              details: details ?? [],
            })),
      text: text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}\n… see cmd2host config diff ${id}\n` : text,
      problem: undefined,
    };
  }
}
