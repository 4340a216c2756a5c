import { type Static, Type } from "typebox";
import { strings } from "./common.ts";
import { LimitsSchema } from "./limits.ts";
import { MachineSchema } from "./machine.ts";
import { OperationSchema } from "./operation.ts";
import { RedactSchema } from "./redact.ts";

/** The configuration of a project. */

export const ConstraintsSchema = Type.Object(
  {
    remote_hosts_allow: Type.Optional(
      strings(
        "Git hosts of the project's repositories; the first is the one of repositories that repo_hosts does not name. Missing or empty: github.com.",
      ),
    ),
    path_deny: Type.Optional(
      strings(
        "Globs of paths, relative to the repository, that no parameter or flag of a path type may name. ** crosses directories. .git/** is always denied.",
      ),
    ),
    branch_allow: Type.Optional(
      strings(
        "RE2 patterns; a push is allowed only to a branch whose whole name one of them matches. Missing or empty: operations that push are refused.",
      ),
    ),
  },
  { description: "Rules that hold for every operation of the project." },
);

export const ProjectFile = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors; ignored." })),
    repos: Type.Optional(strings("owner/name of each repository; the first is the primary one.")),
    repo_paths: Type.Optional(strings("The local checkout of each repository, in the same order.")),
    repo_hosts: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Host of a repository that is not on the first host of remote_hosts_allow; must be one of remote_hosts_allow.",
      }),
    ),
    machine: Type.Optional(MachineSchema),
    repo: Type.Optional(Type.String({ description: "Older form of repos with one entry." })),
    repo_path: Type.Optional(Type.String({ description: "Older form of repo_paths with one entry." })),
    allowed_operations: Type.Optional(
      strings("The operations that may run, in the order in which they are listed. Missing or empty: none."),
    ),
    constraints: Type.Optional(ConstraintsSchema),
    operations: Type.Optional(Type.Record(Type.String(), OperationSchema, { description: "Operations by name." })),
    env: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Environment of the programs, and placeholders of the templates. Variables that choose programs, libraries or hosts need env_unsafe.",
      }),
    ),
    env_unsafe: Type.Optional(
      strings("Names in env that are accepted although they can change which program or host is used."),
    ),
    session_limits: Type.Optional(LimitsSchema),
    redact: Type.Optional(RedactSchema),
    git_config: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: "Git configuration for git commands, key to value." }),
    ),
  },
  {
    $id: "project.json",
    title: "cmd2host project configuration",
    description: "projects/ID/config.json: what an agent may run for this project.",
  },
);

export type Constraints = Static<typeof ConstraintsSchema>;
export type ProjectConfig = Static<typeof ProjectFile>;
