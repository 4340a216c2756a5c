import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUN_COOKIE } from "../../host/exec/process-tree.ts";
import { Executor } from "../../host/exec/run.ts";
import { buildEnvironment, cleanPath, gitConfigParameters } from "../../host/sanitize/environment.ts";
import { RECIPES } from "../../host/sanitize/index.ts";
import type { Situation } from "../../host/sanitize/recipe.ts";
import { PROFILES, type ProfileName } from "../../wire/names.ts";
import { launchOf } from "../exec/processes.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new";

/** Every name here is set on the host, each to a value that names it. */
const PLANTED = `
  HOME USER LOGNAME LANG LC_ALL LC_CTYPE TERM TMPDIR SHELL PWD MAIL DISPLAY XDG_RUNTIME_DIR XDG_CONFIG_HOME DBUS_SESSION_BUS_ADDRESS
  SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS GPG_AGENT_INFO GPG_TTY GNUPGHOME
  GH_TOKEN GITHUB_TOKEN GH_HOST GH_REPO GH_CONFIG_DIR GH_PATH GH_PAGER GH_ENTERPRISE_TOKEN GITLAB_TOKEN NPM_TOKEN
  AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_CONFIG_FILE AWS_PAGER AWS_CA_BUNDLE
  GOOGLE_APPLICATION_CREDENTIALS AZURE_CLIENT_SECRET ANTHROPIC_API_KEY OPENAI_API_KEY DATABASE_URL VAULT_TOKEN
  LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES NODE_OPTIONS NODE_PATH PYTHONPATH PERL5LIB RUBYOPT JAVA_TOOL_OPTIONS
  BASH_ENV ENV PS4 PROMPT_COMMAND EDITOR VISUAL PAGER BROWSER LESSOPEN http_proxy HTTPS_PROXY ALL_PROXY SSL_CERT_FILE
  GIT_DIR GIT_WORK_TREE GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS GIT_CONFIG_GLOBAL GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_PARAMETERS
  GIT_EXEC_PATH GIT_PAGER GIT_EDITOR GIT_PROXY_COMMAND GIT_EXTERNAL_DIFF GIT_TRACE GIT_ALLOW_PROTOCOL GIT_TERMINAL_PROMPT
  DOCKER_HOST KUBECONFIG CMD2HOST_TOKEN CMD2HOST_CONFIG_DIR DAEMON_CONFIG`
  .trim()
  .split(/\s+/);

const planted = (name: string): string => `/planted/${name}`;
const host = new Map([...PLANTED.map((name): [string, string] => [name, planted(name)]), ["PATH", "/planted/PATH"]]);

function situation(changes: Partial<Situation> = {}): Situation {
  return { host, repo: "owner/repo", gitHost: "github.com", gitConfig: new Map(), ...changes };
}

/** The environment that a program of this profile really has. */
async function environmentOf(
  profile: ProfileName,
  env: ReadonlyMap<string, string> = new Map(),
  around = situation(),
): Promise<ReadonlyMap<string, string>> {
  const launch = launchOf("", "/bin/cat", ["/proc/self/environ"], {
    env: buildEnvironment(profile, around, env, PATH),
  });
  const { stdout, exitCode } = await new Executor().run(launch, new AbortController().signal);
  expect(exitCode).toBe(0);
  const entries = stdout.bytes
    .toString()
    .split("\0")
    .filter((entry) => entry !== "");
  return new Map(
    entries.map((entry): [string, string] => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

const passed = (...names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, planted(name)]));
const BASE = { PATH, ...passed("LANG", "LC_ALL", "TERM", "TMPDIR") };
const NEUTRAL =
  "'core.hooksPath=/dev/null' 'core.fsmonitor=false' 'core.pager=cat' 'submodule.recurse=false' 'protocol.ext.allow=never'";
const NO_FILES = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
const QUIET = { GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "https:ssh", GIT_ADVICE: "0", GIT_PAGER: "cat" };

const EXPECTED: Readonly<Record<ProfileName, Readonly<Record<string, string>>>> = {
  minimal: { ...BASE, GIT_CONFIG_PARAMETERS: NEUTRAL },
  user: {
    ...BASE,
    ...passed("HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR"),
    GIT_CONFIG_PARAMETERS: NEUTRAL,
  },
  git: { ...BASE, ...QUIET, ...NO_FILES, GIT_CONFIG_PARAMETERS: NEUTRAL },
  git_remote_strict: {
    ...BASE,
    ...passed("HOME", "USER", "SSH_AUTH_SOCK", "SSH_AGENT_PID"),
    ...QUIET,
    GIT_SSH_COMMAND: SSH,
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    ...NO_FILES,
    GIT_CONFIG_PARAMETERS: `${NEUTRAL} 'credential.helper=' 'core.sshCommand=${SSH}'`,
  },
  gh: {
    ...BASE,
    ...passed("HOME", "USER", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "GH_CONFIG_DIR"),
    GH_HOST: "github.com",
    GH_PROMPT_DISABLED: "1",
    NO_COLOR: "1",
    GH_REPO: "owner/repo",
    GH_NO_UPDATE_NOTIFIER: "1",
    GH_PAGER: "cat",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_PARAMETERS: NEUTRAL,
  },
  aws: {
    ...BASE,
    ...passed("HOME", "USER", "AWS_CONFIG_FILE"),
    AWS_SHARED_CREDENTIALS_FILE: "/planted/HOME/.aws/credentials",
    AWS_PAGER: "",
    AWS_CLI_AUTO_PROMPT: "off",
    GIT_CONFIG_PARAMETERS: NEUTRAL,
  },
};

const before = new Map<string, string | undefined>();

beforeAll(() => {
  for (const name of PLANTED.filter((one) => !["TMPDIR", "NODE_OPTIONS", "HOME"].includes(one))) {
    before.set(name, process.env[name]);
    process.env[name] = planted(name);
  }
});

afterAll(() => {
  for (const [name, value] of before) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
});

describe.each(PROFILES.map((profile) => [profile]))("the environment of %s", (profile) => {
  it("is exactly this, and the mark of the run, however much the host has set", async () => {
    const found = new Map(await environmentOf(profile));
    expect(found.get(RUN_COOKIE)).toMatch(/^[0-9a-f]{32}$/);
    found.delete(RUN_COOKIE);
    expect(Object.fromEntries(found)).toEqual(EXPECTED[profile]);
  });

  it("has nothing of the host when the host has nothing, or only empty values", async () => {
    const own = Object.keys(EXPECTED[profile]).filter(
      (name) => EXPECTED[profile][name]?.startsWith("/planted/") !== true,
    );
    for (const empty of [new Map<string, string>(), new Map(PLANTED.map((name): [string, string] => [name, ""]))]) {
      const found = await environmentOf(profile, new Map(), situation({ host: empty }));
      expect([...found.keys()].filter((name) => name !== RUN_COOKIE).sort()).toEqual(own.sort());
    }
  });

  it("has the project's variables, which replace what is passed on and never what the profile sets", async () => {
    const names = [...new Set([...Object.keys(EXPECTED[profile]), ...PLANTED, "CUSTOM"])];
    const env = new Map(names.map((name): [string, string] => [name, "project"]));
    const found = await environmentOf(profile, env);
    const recipe = RECIPES[profile];
    const set = [...recipe.sets(situation()).keys(), "GIT_CONFIG_PARAMETERS"];
    for (const name of names) {
      expect(found.get(name), name).toBe(set.includes(name) ? EXPECTED[profile][name] : "project");
    }
  });

  it("cannot take over the mark of the run", async () => {
    const found = await environmentOf(profile, new Map([[RUN_COOKIE, "project"]]));
    expect(found.get(RUN_COOKIE)).toMatch(/^[0-9a-f]{32}$/);
  });

  it("is explained, and belongs to the recipe of that name", () => {
    expect(RECIPES[profile].name).toBe(profile);
    expect(RECIPES[profile].needs).toMatch(/^[A-Z].*\.$/);
  });
});

describe("the profile of gh", () => {
  it("pins the repository, with its host where it is not github.com", () => {
    const repo = (gitHost: string): string | undefined =>
      buildEnvironment("gh", situation({ gitHost }), new Map([["GH_REPO", "evil/x"]]), PATH).get("GH_REPO");
    expect(repo("github.com")).toBe("owner/repo");
    expect(repo("git.example.com")).toBe("git.example.com/owner/repo");
  });
});

/** What real git makes of the parameters: every value of a key, in order. */
function gitReads(parameters: string, key: string): readonly string[] {
  const env = {
    PATH,
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_PARAMETERS: parameters,
  };
  const { status, stdout, stderr } = spawnSync("git", ["config", "-z", "--get-all", key], {
    cwd: "/",
    env,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return status === 0 ? stdout.split("\0").slice(0, -1) : [];
}

const parametersOf = (profile: ProfileName, gitConfig: Readonly<Record<string, string>>): string =>
  buildEnvironment(profile, situation({ gitConfig: new Map(Object.entries(gitConfig)) }), new Map(), PATH).get(
    "GIT_CONFIG_PARAMETERS",
  ) ?? "";

describe("git configuration in the environment", () => {
  it.each([
    ["plain"],
    [""],
    ["it's"],
    ["''"],
    ["a b"],
    ["a=b"],
    ["\\"],
    ['"x"'],
    ["$(id)"],
    ["a\nb"],
    ["é😀"],
    ["' 'core.pager=x"],
    ["!sh -c 'id'"],
    ["#x ;y"],
  ])("reaches git as it is: %j", (value) => {
    const parameters = gitConfigParameters(
      new Map([
        ["user.name", value],
        ["user.email", "last"],
      ]),
    );
    expect(gitReads(parameters, "user.name")).toEqual([value]);
    expect(gitReads(parameters, "user.email")).toEqual(["last"]);
    expect(gitReads(parameters, "core.pager")).toEqual([]);
  });

  it("is written as the original does", () => {
    expect(
      gitConfigParameters(
        new Map([
          ["a.b", "x'y"],
          ["c.d", ""],
        ]),
      ),
    ).toBe("'a.b=x'\\''y' 'c.d='");
    expect(gitConfigParameters(new Map())).toBe("");
  });

  it("has the project's settings for git, and none for other programs", () => {
    for (const profile of PROFILES) {
      const values = gitReads(parametersOf(profile, { "user.name": "it's me" }), "user.name");
      expect(values, profile).toEqual(profile === "git" || profile === "git_remote_strict" ? ["it's me"] : []);
    }
  });

  it.each(PROFILES.map((profile) => [profile]))(
    "of %s ends with the settings that protect the host, however the project spells them",
    (profile) => {
      const own = RECIPES[profile].gitConfig(situation());
      const names = [...own.keys()];
      const spellings = names.flatMap((name) => [name, name.toUpperCase(), name.toLowerCase()]);
      for (const order of [spellings, [...spellings].reverse()]) {
        const parameters = parametersOf(profile, Object.fromEntries(order.map((name) => [name, "touch /evil"])));
        for (const name of names) expect(gitReads(parameters, name), name).toEqual([own.get(name)]);
      }
    },
  );

  it("has an empty credential helper last, which forgets those before it", () => {
    const values = gitReads(parametersOf("git_remote_strict", { "credential.helper": "evil" }), "credential.helper");
    expect(values.at(-1)).toBe("");
  });
});

describe("a PATH", () => {
  it.each([
    ["/usr/bin:/bin", "/usr/bin:/bin"],
    ["", ""],
    [":", ""],
    ["/usr/bin::/bin:", "/usr/bin:/bin"],
    [".:/bin:..:bin:./x", "/bin"],
    ["/ws:/bin", "/bin"],
    ["/ws/:/ws//:/bin", "/bin"],
    ["/ws/node_modules/.bin:/bin", "/bin"],
    ["/ws-tools:/wss:/bin", "/ws-tools:/wss:/bin"],
    ["/other/bin:/other:/bin", "/bin"],
    ["/bin/../ws/bin:/bin", "/bin"],
    ["/nowhere/./x//:/bin", "/nowhere/./x//:/bin"],
    ["~/bin:/bin", "/bin"],
  ])("%j is %j without what is relative, empty or in a workspace", (path, clean) => {
    expect(cleanPath(path, ["/ws", "/other"])).toBe(clean);
  });

  it("has no entry that a link leads into a workspace", () => {
    const root = tempDirectory();
    const workspace = join(root, "workspace");
    mkdirSync(join(workspace, "bin"), { recursive: true });
    symlinkSync(join(workspace, "bin"), join(root, "link"));
    symlinkSync(workspace, join(root, "above"));
    mkdirSync(join(root, "fine"));
    const path = ["link", "above/bin", "above", "fine", "missing"].map((name) => join(root, name)).join(":");
    expect(cleanPath(path, [workspace])).toBe(`${join(root, "fine")}:${join(root, "missing")}`);
  });
});
