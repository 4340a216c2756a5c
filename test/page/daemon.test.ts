import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { exchange } from "../../wire/client-exchange.ts";
import type { ServedPage } from "../../wire/schema.ts";
import { buildPage } from "../../scripts/build-page.ts";
import { openScene, waiting, type Scene } from "../cli/runs-scene.ts";
import { defaultProject, TOKEN } from "../fixtures/base.ts";
import { run } from "../fixtures/exchange.ts";
import { ask, follow, partsOf, reached, visit, type Reached, type Visitor } from "../fixtures/page.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

beforeAll(async () => {
  await buildPage(projectRoot);
});

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20);
}

async function opened(scene: Scene, ...options: readonly string[]): Promise<ServedPage & { readonly url: string }> {
  const page = (await scene.host.json("ui", "--no-open", ...options)) as ServedPage;
  if (page.url === undefined) throw new Error("no page");
  return { ...page, url: page.url };
}

/** A login to the page of a daemon. */
async function visitor(scene: Scene): Promise<{ readonly page: Reached; readonly visitor: Visitor }> {
  const { url } = await opened(scene);
  const page = reached(url);
  return { page, visitor: await visit(page) };
}

const BROWSER = `#!/bin/sh
printf '%s\\n' "$@" > "$CMD2HOST_TEST_SEEN"
`;

describe("the page of a daemon", () => {
  it("is served only from when the owner asks for it, until the owner ends it", async () => {
    const scene = await openScene();
    const none = await scene.host.run("ui", "--stop");
    expect([none.exit, none.stdout]).toEqual([0, "There was no page.\n"]);
    const { url, address } = await opened(scene);
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(url.startsWith(`${address ?? ""}/`)).toBe(true);
    const port = Number(new URL(url).port);
    const { name } = partsOf(url);
    expect((await ask(port, `/${name}/`)).text).toContain("<title>cmd2host</title>");
    const stopped = await scene.host.run("ui", "--stop");
    expect([stopped.exit, stopped.stdout]).toEqual([0, "The page has ended.\n"]);
    await expect(ask(port, `/${name}/`)).rejects.toThrow();
    expect(existsSync(join(scene.base.root, "page"))).toBe(true);
    expect(readdirSync(join(scene.base.root, "page"))).toEqual([]);
  });

  it("makes a login of its own each time, at the same place", async () => {
    const scene = await openScene();
    const [one, other] = [await opened(scene), await opened(scene)];
    expect(one.address).toBe(other.address);
    expect(partsOf(one.url).code).not.toBe(partsOf(other.url).code);
  });

  it("says on a terminal what to do, and never writes the code into the log [promise 8]", async () => {
    const scene = await openScene();
    const { stdout } = await scene.host.run("ui", "--no-open");
    const url = /http:\S+/.exec(stdout)?.[0] ?? "";
    expect(stdout).toBe(`Open this address in your browser:\n  ${url}\nIt logs in once, within 60 seconds.\n`);
    await visit(reached(url));
    const log = JSON.stringify(scene.running.lines);
    expect(log).toContain("page served");
    expect(log).not.toContain(partsOf(url).code);
  });

  it("opens the browser with a file of the owner's, so that the code is in no command line; the file goes with the login", async () => {
    const scene = await openScene();
    const program = scene.host.program("xdg-open");
    writeFileSync(program, BROWSER);
    const seen = join(tempDirectory(), "seen");
    scene.host.environment = {
      ...scene.host.environment,
      PATH: `${scene.host.bin}:/usr/bin:/bin`,
      DISPLAY: ":9",
      CMD2HOST_TEST_SEEN: seen,
    };
    const { stdout } = await scene.host.run("ui");
    expect(stdout).toContain("The page is opened in your browser.");
    const url = /http:\S+/.exec(stdout)?.[0] ?? "";
    const argument = readFileSync(seen, "utf8").trim();
    expect(argument).not.toContain(partsOf(url).code);
    const file = new URL(argument).pathname;
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toContain(`url=${url}"`);
    await visit(reached(url));
    expect(existsSync(file)).toBe(false);
  });

  it("prints the address when there is no browser, or it fails", async () => {
    const scene = await openScene();
    expect((await scene.host.run("ui")).stdout).toContain("Open this address in your browser:");
    const program = scene.host.program("xdg-open");
    writeFileSync(program, "#!/bin/sh\nexit 3\n");
    scene.host.environment = { ...scene.host.environment, DISPLAY: ":9" };
    expect((await scene.host.run("ui")).stdout).toContain("Open this address in your browser:");
  });

  it("moves to a socket when that is asked for, and says how to reach it", async () => {
    const scene = await openScene();
    const { url } = await opened(scene);
    const socket = join(tempDirectory(), "p.sock");
    const { stdout } = await scene.host.run("ui", "--socket", socket);
    expect(stdout).toContain(`-L 8080:${socket}`);
    await expect(ask(Number(new URL(url).port), "/")).rejects.toThrow();
    expect(
      (
        await ask(0, `/${partsOf(/http:\S+/.exec(stdout)?.[0] ?? "").name}/`, {
          socketPath: socket,
          headers: { Host: "localhost:1" },
        })
      ).status,
    ).toBe(200);
  });

  it("leaves alone what is in the place of its socket", async () => {
    const scene = await openScene();
    const file = join(tempDirectory(), "notes");
    writeFileSync(file, "mine");
    const { exit, stderr } = await scene.host.run("ui", "--socket", file);
    expect(exit).toBe(1);
    expect(stderr).toContain("is not a socket");
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect((await scene.host.run("ui", "--no-open")).exit).toBe(0);
  });

  it.each(["ui --stop --no-open", "ui --stop --socket /x"])("does not understand %s", async (line) => {
    const scene = await openScene();
    expect((await scene.host.run(...line.split(" "))).exit).toBe(2);
  });

  it("is opened for nobody but the owner: a session token is as good as none, on every way in [promise 11]", async () => {
    const scene = await openScene();
    for (const message of [
      { page: {}, token: TOKEN },
      { page: { stop: true } },
      { page: { socket: "/tmp/x" }, token: "" },
    ]) {
      const reply = JSON.parse((await exchange(scene.address, message, 10_000, undefined)).toString("utf8")) as unknown;
      expect(reply).toEqual({
        page: null,
        error: "Authentication failed",
        code: "unauthenticated",
        hint: expect.any(String) as string,
      });
    }
    expect(scene.running.lines.some(({ event }) => event === "page served")).toBe(false);
    if (scene.running.daemon === undefined) return;
    const reply = await scene.agent.page({});
    expect(reply.code).toBe("unauthenticated");
  });

  it("shows what runs, what it writes, and ends it", async () => {
    const scene = await openScene();
    const run = await waiting(scene);
    const { page, visitor: owner } = await visitor(scene);
    const told = await follow(page, owner);
    await told.until((boards) => boards.length > 0);
    expect(told.boards[0]).toMatchObject({
      runs: [{ run_id: run.run_id, state: "running", operation: "say_and_wait" }],
    });
    expect(told.boards[0]).toHaveProperty("approvals");
    const output = JSON.parse(
      (await owner.get(`runs/${run.run_id}/output?stream=stdout&offset=-1000`)).text,
    ) as unknown;
    expect(output).toMatchObject({ state: "running", more: true, text: expect.stringMatching(/\S/) as string });
    expect((await owner.post(`runs/${run.run_id}/cancel`, {})).status).toBe(200);
    await told.until((boards) => boards.some(({ runs }) => JSON.stringify(runs).includes("cancelled")));
    expect((await owner.post("runs/00000000-0000-4000-8000-000000000000/cancel", {})).status).toBe(404);
    expect((await owner.get(`runs/${run.run_id}/output?stream=both`)).status).toBe(400);
  });

  it("shows what waits for a person, takes the answer, and remembers and forgets it", async () => {
    const scene = await openScene();
    const path = makeRepo(join(tempDirectory(), "repo"));
    scene.base.writeProject(
      "owner_repo",
      defaultProject(path, {
        allowed_operations: ["say"],
        operations: {
          say: {
            command: "/bin/echo",
            args_template: ["{word}"],
            params: { word: { type: "string" } },
            approval: "ask",
          },
        },
      }),
    );
    const say = async (word: string) => run(scene.address, { operation: "say", params: { word } });
    const { page, visitor: owner } = await visitor(scene);
    const told = await follow(page, owner);
    const first = say("hello");
    const idOf = (boards: readonly object[]): string | undefined =>
      /"id":"([0-9a-f-]{36})"/.exec(JSON.stringify(Reflect.get(boards.at(-1) ?? {}, "approvals") ?? {}))?.[1];
    await told.until((boards) => idOf(boards) !== undefined);
    const id = idOf(told.boards) ?? "";
    expect(JSON.parse((await owner.get(`approvals/${id}`)).text)).toMatchObject({
      project: "owner_repo",
      operation: "say",
      facts: expect.arrayContaining([expect.objectContaining({ name: "Asked because" })]) as unknown,
    });
    expect((await owner.post(`approvals/${id}`, { kind: "operation", seconds: 600 })).status).toBe(200);
    expect((await first).stdout).toBe("hello\n");
    // The first answer counts.
    expect((await owner.post(`approvals/${id}`, { kind: "deny", note: "" })).status).not.toBe(200);
    expect((await say("again")).stdout).toBe("again\n");
    const grants = async (): Promise<readonly { readonly id: string; readonly by: string }[]> =>
      ((await scene.host.json("grants")) as { readonly grants: readonly { id: string; by: string }[] }).grants;
    const [grant] = await grants();
    expect(grant?.by).toBe("page");
    expect((await owner.post(`grants/${grant?.id ?? ""}/revoke`, {})).status).toBe(200);
    expect(await grants()).toEqual([]);
    const decisions = JSON.parse((await owner.get("decisions?operation=say")).text) as { rows: readonly object[] };
    expect(decisions.rows).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ approver: "page", rule: `approval:${id}`, outcome: "completed", exitCode: 0 }),
      ]) as unknown,
    );
    expect((await owner.post("stop", { project: "owner_repo" })).status).toBe(200);
    expect((await say("stopped")).code).toBe("project_stopped");
    expect((await owner.post("resume", { project: "owner_repo" })).status).toBe(200);
    // What a person does here is in the audit.
    const noted = JSON.stringify(await scene.host.json("audit", "--notes"));
    for (const what of ["opened", "answered with operation", "grant revoked", "stopped owner_repo"])
      expect(noted).toContain(`"what":"${what}"`);
  });

  it("waits for output that comes later, and no longer than whoever asked", async () => {
    const scene = await openScene();
    const run = await waiting(scene);
    const { page, visitor: owner } = await visitor(scene);
    const { next_offset: offset } = JSON.parse(
      (await owner.get(`runs/${run.run_id}/output?stream=stdout&offset=0`)).text,
    ) as { next_offset: number };
    const later = owner.get(`runs/${run.run_id}/output?stream=stdout&offset=${offset}&wait=20000`);
    await owner.post(`runs/${run.run_id}/cancel`, {});
    expect(JSON.parse((await later).text)).toMatchObject({ state: "failed", more: false });
    expect(page.name).not.toBe("");
  });

  it("shows tokens without themselves, and revokes them with their runs", async () => {
    const scene = await openScene();
    const run = await waiting(scene);
    const { page, visitor: owner } = await visitor(scene);
    const told = await follow(page, owner);
    await told.until((boards) => boards.length > 0);
    const { tokens } = told.boards[0] as { tokens: { id: string; session: string; project: string; state: string }[] };
    expect(tokens.map(({ project, state }) => [project, state]).sort()).toEqual([
      ["other_repo", "valid"],
      ["owner_repo", "valid"],
    ]);
    expect(JSON.stringify(told.boards)).not.toContain(TOKEN);
    const own =
      tokens.find(({ session }) => session === run.session) ?? tokens.find(({ project }) => project === "owner_repo");
    expect((await owner.post(`tokens/${own?.id ?? ""}/revoke`, {})).status).toBe(200);
    expect((await scene.agent.list("")).code).toBe("unauthenticated");
    expect((await scene.other.list("")).code).toBeUndefined();
    await told.until((boards) => boards.some(({ tokens: now }) => Array.isArray(now) && now.length === 1));
    await eventually(async () => (await owner.get(`runs/${run.run_id}/output?stream=stdout`)).status === 404);
    expect((await owner.post(`tokens/${own?.id ?? ""}/revoke`, {})).status).toBe(404);
  });

  it("shows how a configuration differs from what was approved", async () => {
    const scene = await openScene();
    const approved = await scene.host.run("config", "allow", "owner_repo");
    expect(approved.exit).toBe(0);
    const { page, visitor: owner } = await visitor(scene);
    const told = await follow(page, owner);
    await told.until((boards) => boards.length > 0);
    const view = async (id: string): Promise<unknown> => JSON.parse((await owner.get(`projects/${id}`)).text);
    expect(await view("owner_repo")).toMatchObject({ state: "allowed", changes: [], text: "", repos: ["owner/repo"] });
    const file = join(scene.base.root, "projects/owner_repo/config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as { allowed_operations: string[] };
    const changed = {
      ...config,
      allowed_operations: config.allowed_operations.filter((id) => id !== "say"),
      env: { LANG: "C" },
    };
    writeFileSync(file, JSON.stringify(changed, null, 2));
    await told.until((boards) => boards.some(({ projects }) => JSON.stringify(projects).includes("modified")));
    const after = (await view("owner_repo")) as { state: string; changes: { effect: string }[]; text: string };
    expect(after.state).toBe("modified");
    expect(after.changes.map(({ effect }) => effect)).toEqual(expect.arrayContaining(["widens", "narrows"]));
    expect(after.text).toMatch(/^-.*"say",/m);
    writeFileSync(file, "{");
    expect(await view("owner_repo")).toMatchObject({
      operations: [],
      problem: expect.stringMatching(/config/) as string,
    });
    expect((await owner.get("projects/..%2f..%2fetc")).status).toBe(404);
  });

  it("ends with the daemon", async () => {
    const scene = await openScene();
    const { page, visitor: owner } = await visitor(scene);
    const told = await follow(page, owner);
    const socket = told.closed;
    await scene.running.stop();
    await socket;
    await expect(ask(page.port, `/${page.name}/`)).rejects.toThrow();
    expect(readdirSync(join(scene.base.root, "page"))).toEqual([]);
  });

  it("says so when no daemon answers", async () => {
    const scene = await openScene();
    await scene.running.stop();
    const { exit, stderr } = await scene.host.run("ui");
    expect(exit).toBe(1);
    expect(stderr).toContain("no daemon answers");
  });
});
