import { attempt } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { Pins } from "../../link/pins.ts";
import { MACHINE_PROJECT } from "../agent/settings.ts";
import { accountFor } from "../engine/run-as.ts";
import type { Project } from "../project/types.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { Checks, type Check } from "./doctor-check.ts";

/** Whether programs can run as the users that a machine's policy names; seen as the user who asks. */
function userChecks({ id, operations, allowed }: Project): readonly Check[] {
  const checks = new Checks(id, "user");
  const names = allowed.map((name) => operations.get(name)?.machine?.runAs);
  return [...new Set(names)].flatMap((name) =>
    attempt<readonly Check[]>(
      () => [checks.ok(`programs can run as ${printable(accountFor(name).name)}`)],
      (error) => [checks.failed(error)],
    ),
  );
}

/** Which gateways get this policy. */
function gatewayChecks(base: BaseDirectory, { id }: Project): readonly Check[] {
  const checks = new Checks(id, "gateway");
  return attempt<readonly Check[]>(
    () => {
      const names = new Pins(base.gateways)
        .list()
        .filter(({ about }) => (about["project"] ?? MACHINE_PROJECT) === id)
        .map(({ name }) => printable(name));
      if (names.length > 0) return [checks.ok(`gateways with this policy: ${names.join(", ")}`)];
      const option = id === MACHINE_PROJECT ? "" : ` --project=${id}`;
      return [checks.warn("no gateway has this policy", `cmd2host agent enroll${option}`)];
    },
    (error) => [checks.failed(error)],
  );
}

/** What a policy of a machine needs, besides its programs. */
export function machineChecks(base: BaseDirectory, project: Project): readonly Check[] {
  return [...userChecks(project), ...gatewayChecks(base, project)];
}
