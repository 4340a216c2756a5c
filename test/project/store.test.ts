import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { projectFiles, type ProjectFiles } from "../../host/project/pin.ts";
import { distinctProjectId } from "../../host/project/project-id.ts";
import { loadProject, ProjectStore, type ProjectBinding } from "../../host/project/store.ts";
import type { Project } from "../../host/project/types.ts";
import { sha256Hex } from "../../host/util/hash.ts";
import type { Code } from "../../wire/codes.ts";
import type { ProjectConfig } from "../../wire/schema.ts";
import { Base } from "../fixtures/base.ts";
import { refusal } from "../operation/policy.ts";

const CONFIG: ProjectConfig = { repos: ["owner/repo"], repo_paths: ["/repos/one"] };
const LEGACY: ProjectBinding = { projectId: "", repo: "owner/repo" };

interface Made {
  readonly base: Base;
  readonly store: ProjectStore;
  readonly files: ProjectFiles;
}

function make(config: ProjectConfig | string = CONFIG, approve = true): Made {
  const base = new Base().writeProject("owner_repo", config, approve);
  return {
    base,
    store: new ProjectStore(base.directory.projects),
    files: projectFiles(base.directory.projects, "owner_repo"),
  };
}

function denial(store: ProjectStore, binding: ProjectBinding = LEGACY): readonly [Code, string] {
  const { code, message } = refusal(() => store.resolve(binding));
  return [code, message];
}

/** Long enough that the store keeps what it reads next. */
async function settle(): Promise<void> {
  await sleep(150);
}

describe("the project of a session", () => {
  it("is found by the repository of the token, by the project's id, or by both", () => {
    const { base, store } = make();
    expect(store.resolve(LEGACY).id).toBe("owner_repo");
    expect(store.resolve({ projectId: "owner_repo", repo: "" }).id).toBe("owner_repo");
    base.writeProject("custom-id", CONFIG);
    expect(store.resolve({ projectId: "custom-id", repo: "owner/repo" }).id).toBe("custom-id");
    expect(store.resolve({ projectId: "custom-id", repo: "" }).id).toBe("custom-id");
  });

  it("is none for a token that names nothing", () => {
    expect(denial(make().store, { projectId: "", repo: "" })[0]).toBe("token_unbound");
    expect(denial(make().store, { projectId: "", repo: "" })[1]).toContain(
      "does not carry a project_id or repo binding",
    );
  });

  it("is unknown when there is no configuration", () => {
    const { store, base } = make();
    const [code, message] = denial(store, { projectId: "other", repo: "" });
    expect(code).toBe("project_unknown");
    expect(message).toBe(
      `project config not found: other (expected at ${join(base.directory.projects, "other", "config.json")})`,
    );
    mkdirSync(join(base.directory.projects, "empty"));
    expect(denial(store, { projectId: "empty", repo: "" })[0]).toBe("project_unknown");
    expect(denial(store, { projectId: "", repo: "no/such" })[0]).toBe("project_unknown");
  });

  it.each([["../owner_repo"], [".."], ["."], ["/etc"], ["owner_repo/"], ["owner_repo\0"], [".hidden"]])(
    "is never sought outside of projects: %j",
    (id) => {
      const { store } = make();
      expect(denial(store, { projectId: id, repo: "" })[0]).toBe("project_unknown");
      expect(denial(store, { projectId: "", repo: id })[0]).toBe("project_unknown");
    },
  );

  it("is refused for a token of another repository", () => {
    const { store } = make({ repos: ["owner/repo", "second/one"], repo_paths: ["/a", "/b"] });
    for (const repo of ["x/y", "second/one", "Owner/repo"]) {
      const [code, message] = denial(store, { projectId: "owner_repo", repo });
      expect(code).toBe("project_mismatch");
      expect(message).toBe(`token-project mismatch: the token is for ${repo}, project owner_repo is for owner/repo`);
    }
  });
});

describe("the approval of a configuration", () => {
  it("is needed", () => {
    const { store } = make(CONFIG, false);
    const hash = sha256Hex(Buffer.from(JSON.stringify(CONFIG, null, 2)));
    expect(denial(store)).toEqual([
      "config_not_allowed",
      `config not allowed (hash: ${hash.slice(0, 16)}); run on the host: cmd2host config allow owner_repo`,
    ]);
  });

  it("ends with any change of a byte, and comes back with the next approval", () => {
    const { base, store, files } = make();
    store.resolve(LEGACY);
    const text = `${JSON.stringify(CONFIG, null, 2)}\n`;
    writeFileSync(files.config, text);
    expect(denial(store)[0]).toBe("config_not_allowed");
    base.approve("owner_repo", text);
    expect(store.resolve(LEGACY).configHash).toBe(sha256Hex(Buffer.from(text)));
  });

  it("may have white space around it, but no upper case", () => {
    const { store, files } = make();
    const hash = store.resolve(LEGACY).configHash;
    writeFileSync(files.pin, ` \n${hash}\r\n\n`);
    expect(store.resolve(LEGACY).configHash).toBe(hash);
    writeFileSync(files.pin, hash.toUpperCase());
    expect(denial(store)[0]).toBe("config_not_allowed");
  });

  it("ends when its file goes", () => {
    const { store, files } = make();
    store.resolve(LEGACY);
    rmSync(files.pin);
    expect(denial(store)[0]).toBe("config_not_allowed");
  });

  it("does not matter to a configuration that does not load: its fault is said", () => {
    const { store } = make("{", false);
    expect(denial(store)[0]).toBe("config_invalid");
    expect(denial(make('{"repos":[]}').store)[1]).toMatch(
      /^invalid project config: .*config\.json:1:10: at \/repos: expected at least one owner\/name$/,
    );
  });

  it("does not matter to a token of another project", () => {
    expect(denial(make(CONFIG, false).store, { projectId: "owner_repo", repo: "x/y" })[0]).toBe("project_mismatch");
  });
});

describe("files that are not the owner's alone", () => {
  it.each([[0o660], [0o606], [0o622]])("are refused (mode %i), before they are parsed", (mode) => {
    const { store, files } = make("{");
    chmodSync(files.config, mode);
    const [code, message] = denial(store);
    expect(code).toBe("config_untrusted");
    expect(message).toContain("can be written by others");
  });

  it("are refused when it is the approval", () => {
    const { store, files } = make();
    store.resolve(LEGACY);
    chmodSync(files.pin, 0o660);
    expect(denial(store)[0]).toBe("config_untrusted");
  });

  it("are noticed although the project was read before", async () => {
    const { store, files } = make();
    await settle();
    store.resolve(LEGACY);
    chmodSync(files.config, 0o660);
    expect(denial(store)[0]).toBe("config_untrusted");
    chmodSync(files.config, 0o600);
    expect(store.resolve(LEGACY).id).toBe("owner_repo");
  });

  it.skipIf(process.getuid?.() !== 0)("are refused when they belong to somebody else", () => {
    const { store, files } = make();
    chownSync(files.config, 65_534, 65_534);
    expect(denial(store)[1]).toContain("belongs to user 65534");
  });

  it("may be readable by everybody", () => {
    const { store, files } = make();
    chmodSync(files.config, 0o644);
    expect(store.resolve(LEGACY).id).toBe("owner_repo");
  });
});

describe("a configuration that is no plain file", () => {
  it("is invalid, and never blocks", () => {
    const { store, files } = make();
    rmSync(files.config);
    mkdirSync(files.config);
    expect(denial(store)).toEqual(["config_invalid", `invalid project config: ${files.config}: is not a regular file`]);
  });

  it("is invalid when it is larger than 1 MiB", () => {
    const { store } = make(JSON.stringify(CONFIG) + " ".repeat(1_048_576));
    expect(denial(store)[0]).toBe("config_invalid");
    expect(denial(store)[1]).toContain("larger than 1048576 bytes");
  });

  it("may be a link of the owner's", () => {
    const { store, files } = make();
    renameSync(files.config, `${files.config}.real`);
    symlinkSync("config.json.real", files.config);
    expect(store.resolve(LEGACY).id).toBe("owner_repo");
  });
});

describe("two repositories whose names give the same id", () => {
  const one: ProjectConfig = { repos: ["a_b/c"], repo_paths: ["/one"] };
  const two: ProjectConfig = { repos: ["a/b_c"], repo_paths: ["/two"] };
  const second = distinctProjectId("a/b_c");
  const token = (repo: string): ProjectBinding => ({ projectId: "", repo });

  it("each have their own project", () => {
    const base = new Base().writeProject("a_b_c", one).writeProject(second, two);
    const store = new ProjectStore(base.directory.projects);
    expect(store.resolve(token("a_b/c")).repos[0]?.path).toBe("/one");
    expect(store.resolve(token("a/b_c")).repos[0]?.path).toBe("/two");
    expect(store.resolve(token("a/b_c")).id).toBe(second);
  });

  it("do not get each other's", () => {
    const base = new Base().writeProject("a_b_c", one);
    const store = new ProjectStore(base.directory.projects);
    expect(denial(store, token("a/b_c"))[0]).toBe("project_mismatch");
    base.writeProject(second, one);
    expect(denial(store, token("a/b_c"))[0]).toBe("project_mismatch");
    expect(store.resolve(token("a_b/c")).id).toBe("a_b_c");
  });

  it("do not hide a fault in the second one's configuration", () => {
    const base = new Base().writeProject("a_b_c", two).writeProject(second, "{");
    const store = new ProjectStore(base.directory.projects);
    expect(denial(store, token("a/b_c"))[0]).toBe("config_invalid");
  });

  it("keep old directories working: the second one's project may be in the plain directory", () => {
    const store = new ProjectStore(new Base().writeProject("a_b_c", two).directory.projects);
    expect(store.resolve(token("a/b_c")).id).toBe("a_b_c");
  });
});

describe("what was read", () => {
  it("is kept as long as nothing changes", async () => {
    const { store } = make();
    await settle();
    const first = store.resolve(LEGACY);
    expect(store.resolve(LEGACY)).toBe(first);
  });

  it("is read again after a change that leaves size and time as they were", async () => {
    const { base, store, files } = make();
    const time = new Date(Date.now() - 100_000);
    const write = (path: string): string => {
      const text = JSON.stringify({ repos: ["owner/repo"], repo_paths: [path] });
      base.writeProject("owner_repo", text);
      utimesSync(files.config, time, time);
      return text;
    };
    write("/aaa");
    await settle();
    expect(store.resolve(LEGACY).repos[0]?.path).toBe("/aaa");
    write("/bbb");
    await settle();
    expect(store.resolve(LEGACY).repos[0]?.path).toBe("/bbb");
  });

  it("is bounded: many projects do not stay in memory, and all work", () => {
    const base = new Base();
    for (let index = 0; index < 300; index++) base.writeProject(`p${index}`, CONFIG);
    const store = new ProjectStore(base.directory.projects);
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 300; index++)
        expect(store.resolve({ projectId: `p${index}`, repo: "" }).id).toBe(`p${index}`);
    }
  });

  it("comes with its bytes where somebody wants to show them", () => {
    const { files } = make(JSON.stringify({ ...CONFIG, extra: 1 }), false);
    const loaded = loadProject(files, "owner_repo");
    expect(JSON.parse(loaded.bytes.toString())).toEqual({ ...CONFIG, extra: 1 });
    expect(loaded.unknown).toEqual(["/extra"]);
  });
});

function version(project: Project): number {
  return Number((project.repos[0]?.path ?? "").slice("/v".length));
}

function textOf(number: number): string {
  return JSON.stringify({ repos: ["owner/repo"], repo_paths: [`/v${String(number).padStart(6, "0")}`] });
}

describe("a configuration that is written all the time", () => {
  it("is never stale: what was written last is what counts, also within one tick of the clock", () => {
    const { base, store, files } = make(textOf(0));
    for (let round = 1; round <= 400; round++) {
      const text = textOf(round);
      writeFileSync(files.config, text);
      expect(denial(store)[0], `round ${round}`).toBe("config_not_allowed");
      base.approve("owner_repo", text);
      expect(version(store.resolve(LEGACY)), `round ${round}`).toBe(round);
      expect(store.resolve(LEGACY).configHash).toBe(sha256Hex(Buffer.from(text)));
      if (round % 3 === 0) {
        rmSync(files.pin);
        expect(denial(store)[0], `round ${round}`).toBe("config_not_allowed");
      }
    }
  });

  it.each([["in place"], ["by renaming"]])(
    "by another thread, %s, never goes back, and ends at the last version",
    async (how) => {
      const { store, files } = make(textOf(0));
      const worker = new Worker(
        `const { writeFileSync, renameSync } = require("node:fs");
       const { createHash } = require("node:crypto");
       const { workerData: { config, pin, rename, rounds } } = require("node:worker_threads");
       const put = (path, text) => {
         if (!rename) return writeFileSync(path, text, { mode: 0o600 });
         writeFileSync(path + ".new", text, { mode: 0o600 });
         renameSync(path + ".new", path);
       };
       for (let round = 1; round <= rounds; round++) {
         const text = JSON.stringify({ repos: ["owner/repo"], repo_paths: ["/v" + String(round).padStart(6, "0")] });
         put(config, text);
         put(pin, createHash("sha256").update(text).digest("hex") + "\\n");
       }`,
        {
          eval: true,
          workerData: { config: files.config, pin: files.pin, rename: how === "by renaming", rounds: 3_000 },
        },
      );
      const ended = new Promise<number>((resolve) => worker.once("exit", resolve));
      const state = { running: true, latest: 0, served: 0 };
      void ended.then(() => {
        state.running = false;
      });
      while (state.running) {
        try {
          const project = store.resolve(LEGACY);
          expect(version(project)).toBeGreaterThanOrEqual(state.latest);
          expect(project.configHash).toBe(sha256Hex(Buffer.from(textOf(version(project)))));
          state.latest = version(project);
          state.served++;
        } catch (error) {
          // Between the two files it is not approved; written in place it may be cut.
          expect(error).toMatchObject({ code: expect.stringMatching(/^config_(not_allowed|invalid)$/) as string });
        }
        await sleep(0);
      }
      expect(await ended).toBe(0);
      expect(version(store.resolve(LEGACY))).toBe(3_000);
      expect(state.served).toBeGreaterThan(0);
    },
  );
});
