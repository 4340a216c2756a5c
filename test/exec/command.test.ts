import { chmodSync, chownSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveCommand } from "../../host/exec/command.ts";
import { Executor } from "../../host/exec/run.ts";
import { refusal } from "../operation/policy.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { launchOf } from "./processes.ts";

function program(path: string, mode = 0o755): string {
  writeFileSync(path, '#!/bin/sh\necho "$0"\n');
  chmodSync(path, mode);
  return path;
}

function directory(...parts: readonly string[]): string {
  const path = join(tempDirectory(), ...parts);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

const notFound = (command: string, path = ""): string => {
  const error = refusal(() => resolveCommand(command, path, []));
  expect(error.code).toBe("command_not_found");
  return error.message;
};

const untrusted = (command: string, path: string, workspaces: readonly string[]): string => {
  const error = refusal(() => resolveCommand(command, path, workspaces));
  expect(error.code).toBe("command_untrusted");
  return error.message;
};

describe("the program of an operation", () => {
  it("is found by its absolute path", () => {
    const file = program(join(directory(), "tool"));
    expect(resolveCommand(file, "", [])).toEqual({ file, argv0: file });
  });

  it("is the first of its name on the PATH that can be run", () => {
    const [empty, first, second] = [directory(), directory(), directory()];
    mkdirSync(join(empty, "tool"));
    program(join(first, "tool"), 0o644);
    const file = program(join(second, "tool"));
    expect(resolveCommand("tool", [empty, "/nonexistent", first, second].join(delimiter), [])).toEqual({
      file,
      argv0: file,
    });
  });

  it("is never sought in relative or empty entries of the PATH, nor where there is no PATH", () => {
    const here = directory();
    program(join(here, "tool"));
    const previous = process.cwd();
    process.chdir(here);
    try {
      for (const path of ["", ":", ".", "./", `:${delimiter}.`, relative("/", here), `..${delimiter}`]) {
        expect(notFound("tool", path), JSON.stringify(path)).toBe("command not found: tool");
      }
    } finally {
      process.chdir(previous);
    }
  });

  it("keeps the name that the configuration gives it, and is the file that this leads to", async () => {
    const bin = directory();
    const real = program(join(bin, "real"));
    const link = join(bin, "busybox-ish");
    symlinkSync("real", link);
    expect(resolveCommand(link, "", [])).toEqual({ file: real, argv0: link });
    expect(resolveCommand("busybox-ish", bin, [])).toEqual({ file: real, argv0: link });
    const copy = join(bin, "sleep-copy");
    copyFileSync("/bin/sh", copy);
    chmodSync(copy, 0o755);
    symlinkSync("sleep-copy", join(bin, "named"));
    const command = resolveCommand("named", bin, []);
    const run = await new Executor().run(
      { ...launchOf(bin, copy, ["-c", "echo $0"]), command },
      new AbortController().signal,
    );
    expect(run.stdout.bytes.toString()).toBe(`${join(bin, "named")}\n`);
  });

  it("may be a relative path with a slash, from where the daemon stands", () => {
    const here = directory("sub");
    const file = program(join(here, "tool"));
    const previous = process.cwd();
    process.chdir(join(here, ".."));
    try {
      expect(resolveCommand("./sub/tool", "", [])).toEqual({ file, argv0: file });
    } finally {
      process.chdir(previous);
    }
  });

  it.each([
    ["", "command not found: the operation names none"],
    ["../../../bin/sh", "command path contains '..': ../../../bin/sh"],
    ["/bin/../bin/sh", "command path contains '..'"],
    ["a..b", "command path contains '..'"],
    ["-rf", "command begins with '-': -rf"],
    ["nonexistent-tool", "command not found: nonexistent-tool"],
    ["/nonexistent/tool", "command not found: /nonexistent/tool"],
    ["/etc/passwd", "command not found: /etc/passwd"],
    ["/bin", "command not found: /bin"],
    ["tool\0", "command not found: tool\\x00"],
    ["to\u001b[2Jol", "command not found: to\\x1b[2Jol"],
    ["tool name", "command not found: tool name"],
    ["sh -c id", "command not found: sh -c id"],
  ])("is not found when it is %j", (command, message) => {
    expect(notFound(command, "/usr/bin:/bin")).toContain(message);
  });
});

describe("a program is refused", () => {
  it("inside a workspace", () => {
    const workspace = directory();
    const file = program(join(workspace, "tool"));
    expect(untrusted(file, "", [workspace])).toContain(`lies inside the workspace ${workspace}`);
    expect(untrusted("tool", workspace, ["/other", workspace])).toContain("lies inside the workspace");
    mkdirSync(join(workspace, "deep", "er"), { recursive: true });
    expect(untrusted(program(join(workspace, "deep", "er", "tool")), "", [workspace])).toContain(
      "lies inside the workspace",
    );
  });

  it("when it is a link into a workspace, or a link in a workspace", () => {
    const [workspace, bin] = [directory(), directory()];
    symlinkSync(program(join(workspace, "tool")), join(bin, "tool"));
    expect(untrusted("tool", bin, [workspace])).toContain("lies inside the workspace");
    symlinkSync(program(join(bin, "real")), join(workspace, "link"));
    expect(untrusted(join(workspace, "link"), "", [workspace])).toContain("lies inside the workspace");
    symlinkSync(workspace, join(bin, "directory"));
    expect(untrusted(join(bin, "directory", "tool"), "", [workspace])).toContain("lies inside the workspace");
  });

  it("but not beside a workspace whose name begins alike", () => {
    const root = directory();
    mkdirSync(join(root, "ws"));
    mkdirSync(join(root, "ws-tools"), { mode: 0o755 });
    const file = program(join(root, "ws-tools", "tool"));
    expect(resolveCommand(file, "", [join(root, "ws")]).file).toBe(file);
  });

  it.each([[0o775], [0o757], [0o777], [0o722]])("when others can write it (mode %i)", (mode) => {
    const file = program(join(directory(), "tool"), mode);
    expect(untrusted(file, "", [])).toContain("can be written by others");
  });

  it("when a link leads to one that others can write", () => {
    const bin = directory();
    program(join(bin, "real"), 0o777);
    symlinkSync("real", join(bin, "tool"));
    expect(untrusted("tool", bin, [])).toContain("can be written by others");
  });

  it("where everybody can replace it, unless the directory is sticky", () => {
    const bin = directory();
    const file = program(join(bin, "tool"));
    chmodSync(bin, 0o777);
    expect(untrusted(file, "", [])).toContain(`lies in ${bin}, where everybody can replace it`);
    chmodSync(bin, 0o1777);
    expect(resolveCommand(file, "", []).file).toBe(file);
  });

  it.skipIf(process.getuid?.() !== 0)("when it belongs to somebody else than us and root", () => {
    const file = program(join(directory(), "tool"));
    chownSync(file, 65_534, 65_534);
    expect(untrusted(file, "", [])).toContain("belongs to user 65534");
  });
});
