import { writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findAccount, ownAccount } from "../../host/util/account.ts";
import { tempDirectory } from "../fixtures/temp.ts";

function passwd(...lines: readonly string[]): string {
  const file = join(tempDirectory(), "passwd");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

describe("a user of this machine", () => {
  it("is the one that this process runs as", () => {
    const { username, uid, gid, homedir } = userInfo();
    expect(ownAccount()).toEqual({ name: username, uid, gid, home: homedir });
    // Where the runtime would take them from the environment.
    expect(ownAccount(false)).toEqual({ name: username, uid, gid, home: homedir });
    expect(ownAccount(false, "/dev/null")).toEqual(ownAccount());
  });

  it("is found by name in the machine's own file", () => {
    expect(findAccount("root")).toMatchObject({ name: "root", uid: 0, gid: 0 });
    const file = passwd("# a comment", "web:x:1001:1002:Web,,,:/srv/web:/bin/sh", "none:x:1:1:::");
    expect(findAccount("web", file)).toEqual({ name: "web", uid: 1001, gid: 1002, home: "/srv/web" });
    expect(findAccount("none", file)).toEqual({ name: "none", uid: 1, gid: 1, home: "/" });
  });

  it.each([
    ["that is not there", "we"],
    ["that is the beginning of another", "web1"],
    ["without a number", "letters"],
    ["with a number that is none", "minus"],
    ["whose line is cut off", "cut"],
    ["of a directory service", "+nis"],
    ["with the name of another field", "x"],
    ["without a name", ""],
  ])("is not one %s", (_, name) => {
    const file = passwd(
      "web:x:1001:1002::/srv/web:/bin/sh",
      "letters:x:abc:1::/:/bin/sh",
      "minus:x:-1:1::/:/bin/sh",
      "cut:x:1",
      "+nis::::::",
      ":x:0:0::/:/bin/sh",
    );
    expect(findAccount(name, file)).toBeUndefined();
  });

  it("is the first of its name, as for the system", () => {
    const file = passwd("a:x:5:5::/one:/bin/sh", "a:x:0:0::/two:/bin/sh");
    expect(findAccount("a", file)?.uid).toBe(5);
  });
});
