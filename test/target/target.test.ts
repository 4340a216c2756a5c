import { describe, expect, it } from "vitest";
import { checkOrigin, resolveTarget, type Target } from "../../host/target/target.ts";
import type { CodedError } from "../../wire/errors.ts";
import { projectOf, refusal } from "../operation/policy.ts";
import { ALLOWED_BY } from "../../wire/codes.ts";

const single = projectOf({});
const several = projectOf({ repos: ["a/one", "b/two", "b/three"], repo_paths: ["/r/one", "/r/two", "/r/three"] });
const hint = (toplevel: string, originUrl: string): { toplevel: string; originUrl: string } => ({
  toplevel,
  originUrl,
});

function name({ repo, source }: Target): string {
  return `${repo.name} by ${source}`;
}

describe("the repository that a request is for", () => {
  it("is the one that it names", () => {
    expect(name(resolveTarget(several, "b/two", undefined))).toBe("b/two by explicit_flag");
    expect(name(resolveTarget(several, "b/two", hint("/r/one", "git@h:a/one")))).toBe("b/two by explicit_flag");
    expect(name(resolveTarget(single, "owner/repo", undefined))).toBe("owner/repo by explicit_flag");
  });

  it.each([
    ["x/y"],
    ["B/two"],
    ["b/two "],
    [" b/two"],
    ["b/two.git"],
    ["two"],
    ["b/tw"],
    ["../b/two"],
    ["constructor"],
  ])("is denied when the project does not have it: %j", (asked) => {
    for (const project of [single, several]) {
      const error = refusal(() => resolveTarget(project, asked, hint("/r/one", "git@h:a/one")));
      expect(error.code).toBe("target_not_allowed");
      expect(error.message).toContain("is not in the project allow list");
    }
    expect(refusal(() => resolveTarget(several, asked, undefined)).hint).toBe(
      `Use one of a/one, b/two, b/three. ${ALLOWED_BY.owner}`,
    );
  });

  it("is the one whose path and origin the hint agrees with", () => {
    for (const [toplevel, origin] of [
      ["/r/two", "git@h:b/two.git"],
      ["/r/two/", "https://user:pw@anywhere/b/two"],
      ["//r//two//", "ssh://git@h:22/b/two"],
      ["/r/./x/../two", "git@h:b/two"],
    ] as const) {
      expect(name(resolveTarget(several, "", hint(toplevel, origin)))).toBe("b/two by auto_resolve");
    }
  });

  it.each([
    ["two", "b/two by auto_resolve"],
    ["./r/two/", "b/two by auto_resolve"],
    [".", "b/two by auto_resolve"],
    ["wo", undefined],
    ["x/two", undefined],
    ["../two", undefined],
    ["", undefined],
  ])("is the one whose path ends with the place under the caller's mount: %j", (relative, expected) => {
    const at = { ...hint("/workspaces/elsewhere", "git@h:b/two"), relative };
    if (expected !== undefined) expect(name(resolveTarget(several, "", at))).toBe(expected);
    else expect(refusal(() => resolveTarget(several, "", at)).code).toBe("target_required");
    expect(refusal(() => resolveTarget(several, "", { ...at, originUrl: "" })).code).toBe("target_required");
  });

  it.each([
    ["the path of another", "/r/one", "git@h:b/two"],
    ["only the path", "/r/two", ""],
    ["only the origin", "", "git@h:b/two"],
    ["neither", "", ""],
    ["an unrelated place", "/x", "git@h:x/y"],
    ["another case", "/r/two", "git@h:B/two"],
    ["a path below", "/r/two/sub", "git@h:b/two"],
    ["a path that begins alike", "/r/two-evil", "git@h:b/two"],
    ["a relative path", "r/two", "git@h:b/two"],
    ["an origin that cannot be read", "/r/two", "b/two"],
  ])("must be named when the hint is %s", (_, toplevel, origin) => {
    const error = refusal(() => resolveTarget(several, "", hint(toplevel, origin)));
    expect(error.code).toBe("target_required");
    expect(error.message).toContain("target_repo is required");
    expect(error.message).toContain(`auto-resolve did not match (toplevel ${JSON.stringify(toplevel)}`);
    expect(error.hint).toBe("Pass target_repo, one of a/one, b/two, b/three.");
  });

  it("must be named when there are several and no hint", () => {
    const { message } = refusal(() => resolveTarget(several, "", undefined));
    expect(message).toContain("target_repo is required");
    expect(message).not.toContain("auto-resolve");
  });

  it("is the only one, also when a hint does not match", () => {
    for (const one of [undefined, hint("/x", "git@h:x/y"), hint("", "")]) {
      expect(name(resolveTarget(single, "", one))).toBe("owner/repo by primary_default");
    }
  });

  it("is denied without ever repeating the origin of the hint, which may hold credentials", () => {
    const told = refusal(() =>
      resolveTarget(several, "", hint("/r/one", "https://x-access-token:SECRET@github.com/o/r.git")),
    );
    expect(told.message).toContain("origin o/r");
    expect(told.message).not.toContain("SECRET");
    const untold = refusal(() => resolveTarget(several, "", hint("/r/one", "SECRET:o/r")));
    expect(untold.message).toContain("origin <unparsed>");
    expect(untold.message).not.toContain("SECRET");
  });

  it("is denied without control characters and at a bounded length", () => {
    const nasty = `\u001b[2J\n${"x".repeat(10_000)}`;
    for (const error of [
      refusal(() => resolveTarget(several, nasty, undefined)),
      refusal(() => resolveTarget(several, "", hint(nasty, `git@h:${nasty}/${nasty}`))),
    ]) {
      expect(error.message).not.toContain("\u001b");
      expect(error.message).not.toContain("\n");
      expect(error.message.length).toBeLessThan(1_000);
    }
  });
});

describe("the URL of a target", () => {
  it("is the project's, spelled as the project spells it", () => {
    expect(resolveTarget(single, "", undefined).url).toBe("git@github.com:owner/repo.git");
    const hosts = projectOf({
      repos: ["A/One", "b/two"],
      repo_paths: ["/a", "/b"],
      constraints: { remote_hosts_allow: ["gitlab.com", "h.example"] },
      repo_hosts: { "b/two": "h.example" },
    });
    expect(resolveTarget(hosts, "A/One", undefined).url).toBe("git@gitlab.com:A/One.git");
    expect(resolveTarget(hosts, "b/two", undefined).url).toBe("git@h.example:b/two.git");
  });

  it.each([
    [""],
    ["git hub"],
    ["-oProxyCommand=x"],
    ["host:22"],
    ["user@host"],
    ["host/x"],
    [".host"],
    ["host."],
    ["ho\nst"],
    ["hö"],
    ["[::1]"],
  ])("needs a bare host name: %j", (host) => {
    const project = projectOf({ constraints: { remote_hosts_allow: [host] } });
    const error = refusal(() => resolveTarget(project, "", undefined));
    expect(error.code).toBe("host_invalid");
    expect(error.message).toContain("is not a bare hostname");
  });

  it.each([["a"], ["localhost"], ["a-b.c-d.example"], ["192.168.1.1"], ["X.Y"]])("may have the host %j", (host) => {
    expect(resolveTarget(projectOf({ constraints: { remote_hosts_allow: [host] } }), "", undefined).repo.host).toBe(
      host,
    );
  });
});

describe("the origin of the workspace", () => {
  const target = resolveTarget(single, "", undefined);
  const check = (url: string | undefined): CodedError => {
    const error = refusal(() => {
      checkOrigin(target, url);
    });
    expect(error.code).toBe("origin_mismatch");
    expect(error.message).toMatch(/^path-repo consistency check failed at \/repos\/one: /);
    return error;
  };

  it.each([
    ["git@github.com:owner/repo.git"],
    ["git@github.com:owner/repo"],
    ["https://github.com/owner/repo"],
    ["git@GITHUB.com:Owner/REPO.git"],
    [" https://GitHub.com/owner/repo.git/\n"],
  ])("may be %j", (url) => {
    expect(() => {
      checkOrigin(target, url);
    }).not.toThrow();
  });

  it.each([
    ["git@github.com:owner/other.git", 'origin is "owner/other", the project names owner/repo'],
    ["https://github.com/other/repo", 'origin is "other/repo"'],
    ["git@github.com:owner/repo2", 'origin is "owner/repo2"'],
    ["git@gitlab.com:owner/repo.git", 'origin host is "gitlab.com", the project names github.com'],
    ["https://github.com.evil.example/owner/repo", "origin host"],
    ["git@ithub.com:owner/repo", "origin host"],
  ])("may not be %j: both sides are named", (url, fragment) => {
    expect(check(url).message).toContain(fragment);
  });

  it.each([
    ["ssh://git@github.com/owner/repo.git"],
    ["/local/path.git"],
    ["https://SECRET@github.com/owner/repo"],
    ["ext::sh SECRET"],
    [""],
  ])("in another dialect is denied without repeating it: %j", (url) => {
    const { message } = check(url);
    expect(message).toContain("does not match expected SSH/HTTPS pattern");
    expect(message).not.toContain("SECRET");
    expect(message).not.toContain("local/path");
  });

  it("must be there", () => {
    expect(check(undefined).message).toContain("there is no remote origin");
  });

  it("is compared with the host of its own repository", () => {
    const project = projectOf({ constraints: { remote_hosts_allow: ["gitlab.com"] } });
    expect(() => {
      checkOrigin(resolveTarget(project, "", undefined), "git@gitlab.com:owner/repo.git");
    }).not.toThrow();
    expect(
      refusal(() => {
        checkOrigin(resolveTarget(project, "", undefined), "git@github.com:owner/repo.git");
      }).message,
    ).toContain("origin host");
  });

  it("is shown escaped", () => {
    expect(check("git@github.com:\u001b[2J/repo").message).not.toContain("\u001b");
  });
});
