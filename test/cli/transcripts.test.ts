import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { git, makeRepo } from "../fixtures/repo.ts";
import { projectRoot } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

const LEFT_OUT = "[…]";
const SHOWN_CHECKOUT = "/home/me/src/repo";

interface Block {
  readonly kind: string;
  readonly body: string;
}

function blocks(page: string): readonly Block[] {
  return [...page.matchAll(/```(json \S+|text transcript)\n([\s\S]*?)\n```/g)].map(([, kind = "", body = ""]) => ({
    kind,
    body,
  }));
}

/** The host of whoever reads the page: what differs from machine to machine is shown as it stands there. */
class Reader {
  readonly host = new Host();

  constructor() {
    rmSync(this.host.checkout, { recursive: true });
    makeRepo(this.host.checkout);
    git(this.host.checkout, "branch", "ai/x");
    mkdirSync(join(this.host.base, "projects", "owner_repo"), { recursive: true, mode: 0o700 });
  }

  /** @param name of a file of the project of the page, or of another one: PROJECT/FILE */
  write(name: string, body: string): string {
    const own = body.replaceAll(SHOWN_CHECKOUT, this.host.checkout);
    const [file = "", project = "owner_repo"] = name.split("/").reverse();
    const path = this.host.projectFile(project, file);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, own, { mode: 0o600 });
    return project;
  }

  async run(line: string): Promise<string> {
    const { stdout, stderr } = await this.host.run(...line.split(" ").slice(1));
    return `${stdout}${stderr}`
      .replaceAll(this.host.checkout, SHOWN_CHECKOUT)
      .replaceAll(this.host.bin, "/usr/bin")
      .replaceAll(this.host.base, "~/.cmd2host")
      .replaceAll(`the working directory, ${userInfo().homedir}`, "the working directory, /home/agent")
      .replace(/^( +ok +workspace +).*$/m, (line, start: string) =>
        line === `${start}${userInfo().homedir} [machine.work_dirs]` ? `${start}/home/agent [machine.work_dirs]` : line,
      )
      .replace(/^( +as user +).*$/m, "$1agent")
      .replace(/\(hash [0-9a-f]{16}\)/g, "(hash 0123456789abcdef)")
      .replace(/hash: [0-9a-f]{64}/g, "hash: 0123…")
      .trimEnd();
  }
}

it.each(["docs/explain.md", "docs/policy-tests.md"])(
  "every transcript of %s is what the command line says",
  { timeout: 20_000 },
  async (path) => {
    const reader = new Reader();
    const approved = new Set<string>();
    let transcripts = 0;
    for (const { kind, body } of blocks(readFileSync(join(projectRoot, path), "utf8"))) {
      if (kind !== "text transcript") {
        const project = reader.write(kind.slice("json ".length), body);
        // What a page begins with is approved.
        if (!approved.has(project)) await reader.host.run("config", "allow", project);
        approved.add(project);
        continue;
      }
      transcripts++;
      const [first = "", ...rest] = body.split("\n");
      const said = await reader.run(first.replace(/^\$ /, ""));
      const parts = rest.join("\n").split(`${LEFT_OUT}\n`);
      const [begin = "", ...more] = parts;
      if (more.length === 0) expect(`${first}\n${said}`).toBe(`${first}\n${begin.trimEnd()}`);
      else {
        expect(said.startsWith(begin)).toBe(true);
        expect(said.endsWith(more.join("").trimEnd())).toBe(true);
      }
    }
    expect(transcripts).toBeGreaterThan(1);
  },
);
