import { describe, expect, it } from "vitest";
import { checkCall } from "../../host/operation/call.ts";
import { checkTransferPath } from "../../host/operation/transfer-roots.ts";
import { compileProject } from "../../host/project/compile.ts";
import { refusal } from "./policy.ts";

function codeOf(roots: readonly string[], path: string): string {
  const config = {
    machine: {},
    operations: { get: { transfer: { direction: "pull", roots } }, ls: { command: "ls" } },
    allowed_operations: ["get", "ls"],
  };
  const { project } = compileProject("m", Buffer.from(JSON.stringify(config)), "config.json");
  const check = (): void => {
    const { operation, values } = checkCall(project, {
      operation: "get",
      params: new Map([["path", path]]),
      flags: [],
    });
    checkTransferPath(operation, values);
  };
  try {
    check();
  } catch {
    return refusal(check).code;
  }
  return "taken";
}

describe("the path of a transfer", () => {
  it.each([
    [["/srv/www"], "/srv/www"],
    [["/srv/www"], "/srv/www/"],
    [["/srv/www"], "/srv/www/a b/c"],
    [["/srv/www"], "/srv//www/./x"],
    [["/srv/www/"], "/srv/www/x"],
    [["/tmp", "/srv"], "/srv/x"],
    [["/"], "/anything"],
    [["/srv/www"], "/srv/www/…/x"],
  ])("below %j may be %j", (roots, path) => {
    expect(codeOf(roots, path)).toBe("taken");
  });

  it.each([
    [["/srv/www"], "/srv"],
    [["/srv/www"], "/srv/wwwx"],
    [["/srv/www"], "/srv/www/../etc"],
    [["/srv/www"], "/etc/shadow"],
    [["/srv/www"], "/"],
    [["/srv/www"], "/SRV/www/x"],
    [[], "/x"],
  ])("below %j may not be %j", (roots, path) => {
    expect(codeOf(roots, path)).toBe("file_denied");
  });

  it.each(["", "x", "./x", "~/x", "-x", "--root=/", " /srv", "/\0", `/${"x".repeat(4_096)}`, "file:///srv/x"])(
    "is absolute, and one that a system takes: not %j",
    (path) => {
      expect(codeOf(["/"], path)).toBe("param_invalid");
    },
  );
});
