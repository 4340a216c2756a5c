import { type Static, Type } from "typebox";
import { SHELLS, TRANSFERS } from "../names.ts";
import { oneOf, strings } from "./common.ts";

/** Of a project that is a machine instead of repositories, and of its operations. */

export const MachineSchema = Type.Object(
  {
    run_as: Type.Optional(
      Type.String({
        description:
          "The user that programs run as. Default: the user of the agent. Another user than the agent's needs an agent that runs as root.",
      }),
    ),
    work_dirs: Type.Optional(
      strings(
        "Absolute directories in which, or below which, a caller may let a program run. Missing or empty: only the home directory of the user that it runs as.",
      ),
    ),
    wrapper: Type.Optional(
      Type.String({
        description:
          'A program that the commands of shell operations are run through where that does not change what they mean, for example "rtk". Default: none.',
      }),
    ),
  },
  {
    description:
      "Makes the project one of the machine itself, without repositories: for agents of a fleet. Programs run with the environment of the user that they run as.",
  },
);

export const TransferSchema = Type.Object(
  {
    direction: oneOf(TRANSFERS, "push: files come to this machine. pull: they are read from it."),
    roots: strings("Absolute directories below which files may be written or read. Empty: none."),
    max_bytes: Type.Optional(
      Type.Integer({ minimum: 1, description: "Bytes of one transfer, in all. Default: 1073741824 (1 GiB)." }),
    ),
    max_files: Type.Optional(
      Type.Integer({ minimum: 1, description: "Files and directories of one transfer. Default: 10000." }),
    ),
  },
  { description: "Makes the operation a transfer of files. It has no command and no parameters of its own." },
);

/** Members of an operation that only a machine's may have. */
export const machineMembers = () => ({
  shell: Type.Optional(
    oneOf(
      SHELLS,
      "Machines only: the operation takes a command string, as its only parameter `command`, and this shell runs it, byte for byte as it was sent. Whoever may call it may do whatever the user that it runs as can do. It has no command, args_template or flags of its own.",
    ),
  ),
  transfer: Type.Optional(TransferSchema),
  run_as: Type.Optional(
    Type.String({ description: "Machines only: the user that it runs as, instead of machine.run_as." }),
  ),
  env_allow: Type.Optional(
    strings(
      "Machines only: globs of environment variables that a caller may set. Missing or empty: none; all for shell operations, whose commands could set them themselves.",
    ),
  ),
});

export type MachineFields = Static<typeof MachineSchema>;
export type TransferFields = Static<typeof TransferSchema>;
