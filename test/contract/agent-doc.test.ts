import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { agentSettings } from "../../host/agent/settings.ts";
import { startedAs } from "../../host/engine/run-as.ts";
import { compileProject } from "../../host/project/compile.ts";
import { lintConfig } from "../../host/project/lint.ts";
import { listTemplates, templatesDirectory } from "../../host/project/templates.ts";
import { MACHINE_PATH, machineEnvironment } from "../../host/sanitize/machine.ts";
import { CODES } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { SHELLS, TRANSFERS } from "../../wire/names.ts";
import { MachineSchema, machineMembers, TransferSchema } from "../../wire/schema/machine.ts";
import type { DaemonConfig } from "../../wire/schema.ts";
import { projectRoot } from "../fixtures/temp.ts";

const page = readFileSync(join(projectRoot, "docs/agent.md"), "utf8");

function blocks(kind: string): readonly string[] {
  return [...page.matchAll(new RegExp(`\`\`\`json ${kind}\\n([\\s\\S]*?)\\n\`\`\``, "g"))].map(([, body = ""]) => body);
}

/** The names in the first column of the table under a heading cell. */
function rows(heading: string): readonly string[] {
  const table = page.split(heading)[1]?.split("\n\n")[0] ?? "";
  return [...table.matchAll(/^\| `([a-z_.]+)` +\|/gm)].map(([, name = ""]) => name);
}

describe("docs/agent.md", () => {
  it("shows policies that load, and of which config check says only what the page says", () => {
    const policies = blocks("policy");
    expect(policies.length).toBeGreaterThan(0);
    for (const text of policies) {
      const { project, unknown } = compileProject("machine", Buffer.from(text), "policy");
      expect([unknown, project.machine !== undefined]).toEqual([[], true]);
      const rules = lintConfig("machine", Buffer.from(text), "policy", (command) => `/usr/bin/${command}`);
      expect(rules.map(({ rule }) => rule)).toEqual([]);
    }
  });

  it("shows members of daemon.json that load", () => {
    const files = blocks("daemon.json");
    expect(files.length).toBeGreaterThan(1);
    for (const text of files) {
      const { agent } = JSON.parse(text) as DaemonConfig;
      const read = agentSettings(agent, (pointer, message) => {
        throw new Error(`${pointer}: ${message}`);
      });
      expect(read).toBeDefined();
    }
  });

  it("names every member that only a machine has", () => {
    expect(rows("of the project").map((name) => name.replace("machine.", ""))).toEqual(
      Object.keys(MachineSchema.properties),
    );
    expect(rows("| of an operation")).toEqual(Object.keys(machineMembers()));
    for (const name of [...Object.keys(TransferSchema.properties), ...SHELLS, ...TRANSFERS])
      expect([name, page.includes(`\`${name}\``)]).toEqual([name, true]);
  });

  it("names every template of a machine", () => {
    const names = listTemplates(templatesDirectory()).filter((name) => name.startsWith("fleet_"));
    expect([...rows("lets a gateway")].sort()).toEqual(names);
  });

  it("names codes that there are", () => {
    const named = rows("what is the matter");
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((code) => !Object.hasOwn(CODES, code))).toEqual([]);
  });

  it("names every variable of a program's environment", () => {
    const account = { name: "a", uid: 1, gid: 1, home: "/a" };
    const environment = machineEnvironment(account, "sh", new Map(), new Map());
    for (const [name, value] of environment)
      expect([name, page.includes(`\`${name}\``) || page.includes(`\`${name}=${value}\``)]).toEqual([name, true]);
    expect(page).toContain(`\`${MACHINE_PATH}\``);
  });

  it("names what cannot be set for a program that runs as somebody else", () => {
    const [, listed = ""] = /\. ((?:`[A-Z_]+`(?:, | and )?)+) cannot be set for such a program/.exec(page) ?? [];
    const names = [...listed.matchAll(/`([A-Z_]+)`/g)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(5);
    const [someone, root] = [1, 0].map((uid) => ({ name: `u${uid}`, uid, gid: uid, home: "/" }));
    if (someone === undefined || root === undefined) throw new Error("two accounts");
    const invocation = { command: { file: "/bin/true", argv0: "/bin/true" }, args: [] };
    for (const name of names)
      expect(() => startedAs(invocation, someone, new Map([[name, "x"]]), root)).toThrow(CodedError);
  });
});
