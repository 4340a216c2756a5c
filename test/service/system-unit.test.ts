import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { agentUnitFor, agentUnitText, type AgentNeeds, type AgentRecipe } from "../../host/service/agent-unit.ts";
import { gatewayUnitText, type GatewayRecipe } from "../../host/service/gateway-unit.ts";
import { chosenIn, readSystemUnit } from "../../host/service/system-unit.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { AWKWARD } from "./recipes.ts";

const NOTHING: AgentNeeds = { doMore: [], writes: [], becomes: false };

function agentOf(more: Partial<AgentRecipe> = {}): AgentRecipe {
  const recipe = {
    program: ["/usr/local/bin/cmd2host"],
    version: "1.2.3",
    user: "cmd2host",
    stopSeconds: 47,
    directory: `/srv/${AWKWARD}`,
    said: undefined,
    needs: NOTHING,
    ...more,
  };
  return { strict: recipe.said === undefined ? recipe.needs.doMore.length === 0 : recipe.said === "strict", ...recipe };
}

function gatewayOf(more: Partial<GatewayRecipe> = {}): GatewayRecipe {
  return {
    program: ["/usr/local/bin/cmd2host"],
    version: "1.2.3",
    user: "cmd2host",
    stopSeconds: 30,
    strict: false,
    config: `/etc/${AWKWARD}/gateway.toml`,
    writes: ["/var/lib/cmd2host-gateway"],
    hasLowPort: false,
    ...more,
  };
}

/** The settings of a unit, without what explains them; of several with one name, all. */
function settings(text: string): ReadonlyMap<string, string> {
  const pairs = text
    .split("\n")
    .filter((line) => /^[A-Z]\w+=/.test(line))
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const);
  return new Map(
    pairs.map(([name]) => [name, pairs.flatMap(([one, value]) => (one === name ? [value] : [])).join("; ")]),
  );
}

const AGENTS = {
  "by a policy that reads": agentOf(),
  "by a policy that writes": agentOf({ needs: { ...NOTHING, writes: ["/srv/www", "/tmp"] } }),
  "by a policy that does more": agentOf({ needs: { ...NOTHING, doMore: ["shell"] } }),
  strict: agentOf({ said: "strict", needs: { ...NOTHING, doMore: ["shell"] } }),
  open: agentOf({ said: "open" }),
  "as root, strict": agentOf({ user: undefined, needs: { doMore: [], writes: ["/srv/www"], becomes: true } }),
  "as root, open": agentOf({ user: undefined, said: "open" }),
} as const;

describe("the unit of an agent", () => {
  it.each(Object.entries(AGENTS))("says again what it was made of: %s", (_, recipe) => {
    const text = agentUnitText(recipe);
    const { version, program, environment } = readSystemUnit(text);
    expect([version, program]).toEqual(["1.2.3", [...recipe.program, "agent"]]);
    expect([...environment]).toEqual([["CMD2HOST_CONFIG_DIR", recipe.directory]]);
    expect(chosenIn(text)).toEqual({ user: recipe.user, said: recipe.said });
    expect(agentUnitFor(text, recipe.needs)).toBe(text);
  });

  it("is root's only where no user is said, and says that somebody asked for it", () => {
    expect(settings(agentUnitText(agentOf())).get("User")).toBe("cmd2host");
    const text = agentUnitText(agentOf({ user: undefined }));
    expect([settings(text).has("User"), text.includes("\n# As root, which somebody asked for: --root.\n")]).toEqual([
      false,
      true,
    ]);
  });

  it("takes nothing from programs of a policy that does more than read, and nearly everything from others", () => {
    const narrow = (recipe: AgentRecipe): readonly string[] =>
      [...settings(agentUnitText(recipe)).keys()].filter((name) =>
        /^(?:NoNew|Protect|Private|Restrict|SystemCall|Capability|Memory|Lock|ReadWrite)/.test(name),
      );
    expect(narrow(AGENTS["by a policy that does more"])).toEqual([]);
    expect(narrow(AGENTS.open)).toEqual([]);
    expect(narrow(AGENTS["by a policy that reads"]).length).toBeGreaterThan(20);
    expect(narrow(AGENTS.strict)).toEqual(narrow(AGENTS["by a policy that reads"]));
  });

  it("lets what is confined write where the policy says, and nowhere else", () => {
    const read = settings(agentUnitText(AGENTS["by a policy that reads"]));
    expect([read.get("ProtectSystem"), read.get("PrivateTmp")]).toEqual(["strict", "yes"]);
    expect(read.get("ReadWritePaths")?.split('" "')).toHaveLength(1);
    const written = settings(agentUnitText(AGENTS["by a policy that writes"]));
    expect(written.get("ReadWritePaths")).toMatch(/^"\/srv\/.*" "-\/srv\/www" "-\/tmp"$/u);
    // What is pushed to /tmp is to be found there.
    expect(written.has("PrivateTmp")).toBe(false);
    const beside = agentUnitText(agentOf({ needs: { ...NOTHING, writes: ["/tmpfiles", "/var/tmpx"] } }));
    expect(settings(beside).get("PrivateTmp")).toBe("yes");
  });

  it.each([
    [NOTHING, "CAP_DAC_READ_SEARCH"],
    [{ ...NOTHING, becomes: true }, "CAP_DAC_READ_SEARCH CAP_SETUID CAP_SETGID CAP_KILL"],
    [{ ...NOTHING, writes: ["/srv"] }, "CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER"],
  ])("leaves root the rights that the policy needs: %j", (needs, rights) => {
    const root = settings(agentUnitText(agentOf({ user: undefined, needs })));
    expect(root.get("CapabilityBoundingSet")).toBe(rights);
    expect(settings(agentUnitText(agentOf({ needs }))).get("CapabilityBoundingSet")).toBe("");
  });

  it("is made anew for another policy, not for a change that confines nothing else", () => {
    const text = agentUnitText(agentOf());
    const other = agentUnitFor(text, { ...NOTHING, writes: ["/srv/www"] });
    expect(other).toBe(agentUnitText(agentOf({ needs: { ...NOTHING, writes: ["/srv/www"] } })));
    const open = agentUnitText(AGENTS["by a policy that does more"]);
    expect(agentUnitFor(open, { ...NOTHING, doMore: ["shell", "restart"] })).toBe(open);
    expect(agentUnitFor(open, NOTHING)).not.toBe(open);
    // What was said stays.
    const strict = agentUnitText(AGENTS.strict);
    expect(agentUnitFor(strict, NOTHING)).toBe(strict);
    expect(agentUnitFor("[Service]\nExecStart=/usr/bin/true\n", NOTHING)).toBeUndefined();
  });
});

describe("the unit of a gateway", () => {
  it.each([gatewayOf(), gatewayOf({ strict: true, writes: ["/srv/a b", "/var/log/x"], hasLowPort: true })])(
    "says again what it was made of",
    (recipe) => {
      const text = gatewayUnitText(recipe);
      const { version, program } = readSystemUnit(text);
      expect([version, program]).toEqual(["1.2.3", [...recipe.program, "gateway", `--config=${recipe.config}`]]);
      expect(chosenIn(text)).toEqual({ user: "cmd2host", said: recipe.strict ? "strict" : undefined });
    },
  );

  it("has no rights, starts no program and writes to its own directories only", () => {
    const own = settings(gatewayUnitText(gatewayOf()));
    expect(own.get("CapabilityBoundingSet")).toBe("");
    expect([own.get("NoExecPaths"), own.get("NoNewPrivileges"), own.get("ProtectSystem")]).toEqual([
      "/",
      "yes",
      "strict",
    ]);
    expect([own.get("StateDirectory"), own.has("ReadWritePaths")]).toEqual(["cmd2host-gateway", false]);
    const other = settings(gatewayUnitText(gatewayOf({ writes: ["/srv/gate", "/var/log/x"] })));
    expect([other.has("StateDirectory"), other.get("ReadWritePaths")]).toEqual([false, '"/srv/gate" "/var/log/x"']);
  });

  it("has one right for a port below 1024, and memory that becomes no code only when that is said", () => {
    const low = settings(gatewayUnitText(gatewayOf({ hasLowPort: true })));
    expect([low.get("CapabilityBoundingSet"), low.has("PrivateUsers")]).toEqual(["CAP_NET_BIND_SERVICE", false]);
    const memory = (recipe: GatewayRecipe): unknown => settings(gatewayUnitText(recipe)).get("MemoryDenyWriteExecute");
    expect(memory(gatewayOf())).toBeUndefined();
    expect(memory(gatewayOf({ strict: true }))).toBe("yes");
    // Node ends without.
    expect(memory(gatewayOf({ strict: true, program: ["/usr/bin/node", "/opt/cmd2host.js"] }))).toBeUndefined();
  });
});

describe("both units", () => {
  const TEXTS = [...Object.values(AGENTS).map(agentUnitText), gatewayUnitText(gatewayOf())];

  it("let runs finish, end what is left, and are started again for ever", () => {
    for (const text of TEXTS) {
      const all = settings(text);
      expect([all.get("KillMode"), all.get("Restart"), all.get("StartLimitIntervalSec")]).toEqual([
        "mixed",
        "always",
        "0",
      ]);
      expect(Number(all.get("TimeoutStopSec"))).toBeGreaterThanOrEqual(30);
    }
  });

  it("show that somebody has changed them", () => {
    for (const text of TEXTS) {
      expect(readSystemUnit(text).version).toBe("1.2.3");
      const changed = [
        text.replace("RestartSec=5", "RestartSec=6"),
        text.replace("[Service]\n", "[Service]\nNice=5\n"),
        `${text}Nice=5\n`,
        text.replace("SHA-256", "SHA-512"),
        text.slice(0, -1),
      ];
      for (const one of changed) {
        expect(one).not.toBe(text);
        expect(readSystemUnit(one).version).toBeUndefined();
      }
      // How it was installed is still known.
      expect(chosenIn(changed[0] ?? "")).toEqual(chosenIn(text));
    }
    expect(readSystemUnit("").version).toBeUndefined();
    expect(chosenIn("[Service]\nUser=root\n")).toBeUndefined();
  });

  it.each(["line\nbreak", "nul\u0000", "bell\u0007"])("refuse %j, which a unit file cannot hold", (value) => {
    const needs = { ...NOTHING, writes: [`/srv/${value}`] };
    expect(() => agentUnitText(agentOf({ directory: `/srv/${value}` }))).toThrow(/control character/);
    expect(() => agentUnitText(agentOf({ needs }))).toThrow(/control character/);
    expect(() => gatewayUnitText(gatewayOf({ config: `/srv/${value}` }))).toThrow(/control character/);
    expect(() => gatewayUnitText(gatewayOf({ writes: [`/srv/${value}`] }))).toThrow(/control character/);
  });

  describe.runIf(requireTools(["systemd-analyze"]))("according to systemd", () => {
    /** Runs systemd-analyze with a unit of this name. */
    function analyzed(
      text: string,
      ...words: readonly string[]
    ): { readonly exit: number | null; readonly said: string } {
      const directory = tempDirectory();
      const file = join(directory, "cmd2host-agent.service");
      writeFileSync(file, text);
      const { status, stdout, stderr } = spawnSync("systemd-analyze", [...words, "--no-pager", file], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], SYSTEMD_UNIT_PATH: `${directory}:` },
      });
      return { exit: status, said: `${stdout}${stderr}` };
    }

    /** It looks whether the program is there, and does not run one in a path with a quotation mark. */
    function program(): readonly string[] {
      const odd = join(tempDirectory(), "a $b %c {d} <e>");
      mkdirSync(odd);
      writeFileSync(join(odd, "cmd2host"), "#!/bin/sh\n", { mode: 0o755 });
      return [join(odd, "cmd2host")];
    }

    const verified = (text: string): readonly string[] =>
      analyzed(text, "verify")
        .said.split("\n")
        .filter((line) => line.includes("cmd2host"));

    it.each(Object.entries(AGENTS))("that of an agent is right: %s", (_, recipe) => {
      expect(verified(agentUnitText({ ...recipe, program: program() }))).toEqual([]);
    });

    it.each([gatewayOf(), gatewayOf({ strict: true, writes: [`/srv/${AWKWARD}`, "/var/log/x"], hasLowPort: true })])(
      "that of a gateway is right",
      (recipe) => {
        expect(verified(gatewayUnitText({ ...recipe, program: program() }))).toEqual([]);
      },
    );

    it("would not be right with a mistake in it", () => {
      const text = agentUnitText(agentOf({ program: program() }));
      expect(verified(text.replace("ProtectSystem=strict", "ProtectSystem=kindly")).join("")).toContain("kindly");
    });

    it.each<readonly [string, string, number]>([
      ["gateway", gatewayUnitText(gatewayOf()), 1.5],
      ["agent that reads", agentUnitText(agentOf()), 2],
      ["agent of root that becomes users and writes", agentUnitText(AGENTS["as root, strict"]), 3],
    ])("little is left open: %s", (_, text, most) => {
      const { exit, said } = analyzed(text, "security", "--offline=true", `--threshold=${most * 10}`);
      expect([exit, /Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]]).toEqual([
        0,
        expect.stringMatching(/^\d\.\d$/) as string,
      ]);
    });
  });
});
