import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Locator } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { openScene } from "../cli/runs-scene.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { openTab, startBrowser } from "../fixtures/browser.ts";
import { fullDesk } from "../fixtures/full-desk.ts";
import { approval, decision, MemoryDesk } from "../fixtures/page-desk.ts";
import { openPage, partsOf, relayTo } from "../fixtures/page.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import type { Desk } from "../../host/page/desk.ts";

/** Waits until a button can be pressed. */
async function enabled(button: Locator): Promise<void> {
  await expect.poll(async () => button.getAttribute("aria-disabled"), { timeout: 10_000 }).toBe("false");
}

describe.runIf(requireTools(["chromium"]))("the page in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });

  /** A tab on a desk. */
  async function tabOn(desk: Desk) {
    const served = await openPage(desk);
    const tab = await openTab(browser, served);
    await tab.page.getByRole("heading", { name: /^Running/ }).waitFor();
    return { ...tab, served };
  }

  it("logs in once: the code leaves the address, and opens nothing a second time", async () => {
    const served = await openPage(new MemoryDesk());
    const url = served.server.link();
    const { page, complaints, picture } = await openTab(browser, served, { url });
    await page.getByText("Nothing waits for an answer.").waitFor();
    expect(page.url()).toBe(`${served.origin}/${served.name}/#/now`);
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.reload();
    await page.getByText("Nothing waits for an answer.").waitFor();
    expect(complaints).toEqual([]);

    const other = await openTab(browser, served, { url });
    await other.page.getByText("This login was used before").waitFor();
    await other.picture("login-refused");
    expect(await other.page.title()).toBe("cmd2host");
    // Whoever had it first is out, too.
    await page.getByText("This page is not logged in any more").waitFor();
    await picture("logged-out");
  });

  it("goes on in a tab when another one of the same browser logs in", async () => {
    const desk = new MemoryDesk();
    const { page, served } = await tabOn(desk);
    const other = await page.context().newPage();
    await other.goto(served.link());
    await other.getByText("Nothing waits for an answer.").waitFor();
    await page.reload();
    desk.pending.push(approval());
    desk.changed();
    await page.getByRole("article").waitFor();
    await page.getByRole("button", { name: "Allow once: gh_pr_create" }).click();
    await other.getByText("Answered elsewhere").waitFor();
    await other.getByRole("button", { name: "Log out" }).click();
    await other.getByText("You have logged out.").waitFor();
    expect(await page.getByText("Nothing runs.").count()).toBe(1);
    expect(desk.answered).toHaveLength(1);
  });

  it("logs in from the file that a browser is opened with", async () => {
    const scene = await openScene();
    expect((await scene.host.run("ui", "--no-open")).exit).toBe(0);
    const directory = join(scene.base.root, "page");
    const [file = ""] = readdirSync(directory);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(pathToFileURL(join(directory, file)).href);
    await page.getByText("Nothing runs.").waitFor();
    expect(page.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/#\/now$/);
    expect(readdirSync(directory)).toEqual([]);
    await context.close();
    await scene.host.run("ui", "--stop");
  });

  it("asks for a login when there is none", async () => {
    const served = await openPage(new MemoryDesk());
    const { page, complaints } = await openTab(browser, served, { url: `${served.origin}/${served.name}/` });
    await page.getByText("This tab has no login.").waitFor();
    await page.getByText("cmd2host ui", { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  it("shows a call that comes while it is open, in the title too, and allows it once", async () => {
    const desk = new MemoryDesk();
    const { page, complaints } = await tabOn(desk);
    expect(await page.title()).toBe("cmd2host");
    desk.pending.push(approval());
    desk.changed();
    const card = page.getByRole("article", { name: "gh_pr_create" });
    await card.waitFor();
    await expect.poll(async () => page.title()).toBe("(1) cmd2host");
    await page.getByText("gh_pr_create of owner_repo waits for your answer.").waitFor({ state: "attached" });
    expect(await card.locator(".argv .word").allTextContents()).toEqual([...approval().argv]);
    for (const said of [
      "owner/repo",
      "/home/you/.cmd2host/empty/7f3a",
      "5e551011",
      "unix",
      "none",
      "Opens a pull request on",
    ])
      expect(await card.textContent()).toContain(said);
    await card.getByRole("button", { name: "Allow once: gh_pr_create" }).click();
    await card.getByText("Allowed once").waitFor();
    expect(desk.answered).toEqual([{ id: approval().id, answer: { kind: "once" } }]);
    await expect.poll(async () => page.title()).toBe("cmd2host");
    expect(await card.getByRole("button").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("denies with a note", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval());
    const { page, complaints, picture } = await tabOn(desk);
    await page.getByRole("button", { name: "Deny gh_pr_create, with a note" }).click();
    await page.getByLabel("Note to the agent").fill("Use a draft first");
    await picture("deny");
    await page.getByRole("button", { name: "Deny gh_pr_create", exact: true }).click();
    await page.getByRole("article").getByText("Denied").waitFor();
    expect(desk.answered).toEqual([{ id: approval().id, answer: { kind: "deny", note: "Use a draft first" } }]);
    expect(complaints).toEqual([]);
  });

  it("allows a call for its session, and an operation for a time", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval({ id: "one" }), approval({ id: "two", operation: "git_push" }));
    const { page, complaints, picture } = await tabOn(desk);
    const more = async (name: string) =>
      page.getByRole("button", { name: `Allow more than this one run of ${name}` }).click();
    await more("gh_pr_create");
    await page.getByRole("button", { name: "This exact call, until its session ends" }).click();
    await page.getByRole("article", { name: "gh_pr_create" }).getByText("This call is allowed").waitFor();
    await more("git_push");
    await page.getByLabel("How long every call of git_push is allowed").selectOption("3600");
    await picture("allow-more");
    await page.getByRole("button", { name: "Every call of git_push" }).click();
    await page.getByRole("article", { name: "git_push" }).getByText("git_push is allowed").waitFor();
    expect(desk.answered.map(({ answer }) => answer)).toEqual([
      { kind: "call" },
      { kind: "operation", seconds: 3_600 },
    ]);
    expect(complaints).toEqual([]);
  });

  it("offers only the answers that may be given", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval({ answers: ["once", "deny"] }));
    const { page } = await tabOn(desk);
    const card = page.getByRole("article");
    expect(await card.getByRole("button").allTextContents()).toEqual(["Allow once", "Deny…"]);
  });

  it("says how a call differs from the last one that was allowed", async () => {
    const desk = new MemoryDesk();
    const argv = ["/usr/bin/gh", "pr", "create", "--head", "ai/b"];
    const before = ["/usr/bin/gh", "pr", "create", "--draft", "--head", "ai/a"];
    desk.pending.push(
      approval({ id: "one", argv, lastApproved: { argv: before, at: Date.now() - 3_600_000 } }),
      approval({ id: "two", operation: "same", argv, lastApproved: { argv, at: Date.now() - 60_000 } }),
    );
    const { page } = await tabOn(desk);
    const card = page.getByRole("article", { name: "gh_pr_create" });
    expect(await card.locator(".argv .gone .word").allTextContents()).toEqual(["--draft", "ai/a"]);
    expect(await card.locator(".argv .new .word").allTextContents()).toEqual(["ai/b"]);
    await card.getByText("Compared with what was allowed 1 h ago: 1 argument new, 2 arguments gone.").waitFor();
    await page.getByRole("article", { name: "same" }).getByText("exactly the same call").waitFor();
  });

  it("lets nothing be allowed of which a part is not shown, until it is", async () => {
    const desk = new MemoryDesk();
    const argv = [
      "/bin/sh",
      "-c",
      `echo ${"x".repeat(5_000)}; rm -rf /`,
      ...Array.from({ length: 300 }, (_, at) => `word${at}`),
    ];
    desk.pending.push(approval({ argv }));
    const { page, complaints, picture } = await tabOn(desk);
    const card = page.getByRole("article");
    await card.getByText("3,015 more characters").waitFor();
    await card.getByText("more arguments").waitFor();
    const allow = card.getByRole("button", { name: "Allow once: gh_pr_create" });
    await card.getByText("Not all of it is shown. Show everything before you allow it.").waitFor();
    expect(await allow.getAttribute("aria-disabled")).toBe("true");
    await picture("cut");
    await allow.click({ force: true });
    await card.getByRole("button", { name: "Show everything" }).click();
    await card.getByText("; rm -rf /").waitFor();
    expect(desk.answered).toEqual([]);
    await allow.click();
    await card.getByText("Allowed once").waitFor();
    expect(await card.locator(".argv .word").allTextContents()).toEqual(argv);
    expect(complaints).toEqual([]);
  });

  it("takes no click on what has just appeared, or moved under the pointer", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval({ id: "first", operation: "first" }), approval({ id: "second", operation: "second" }));
    const { page } = await tabOn(desk);
    const allow = page.getByRole("button", { name: "Allow once: second" });
    await enabled(allow);
    await allow.hover();
    const box = await allow.boundingBox();
    if (box === null) throw new Error("not shown");
    desk.pending.push(approval({ id: "third", operation: "third" }));
    desk.changed();
    const third = page.getByRole("button", { name: "Allow once: third" });
    await third.waitFor();
    // In the same moment, from inside: no time for it to settle.
    const states = await page.evaluate(
      "['second', 'third'].map((name) => { const b = document.querySelector(`[aria-label='Allow once: ${name}']`); return b.getAttribute('aria-disabled'); })",
    );
    expect(states).toEqual(["false", "true"]);
    await page.evaluate("document.querySelector(\"[aria-label='Allow once: third']\").click()");
    expect(desk.answered).toEqual([]);
    const after = await allow.boundingBox();
    expect([after?.x, after?.y]).toEqual([box.x, box.y]);
    // Something above goes: what is below does not move under the pointer as long as that is on the list.
    desk.pending.splice(0, 1);
    desk.changed();
    await page.getByRole("article", { name: "first" }).getByText("Answered elsewhere").waitFor();
    const last = await allow.boundingBox();
    expect([last?.x, last?.y]).toEqual([box.x, box.y]);
    expect(await allow.getAttribute("aria-disabled")).toBe("false");
  });

  it("never moves the focus when something new comes, and allow has it only by one's own doing", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval({ id: "first", operation: "first" }));
    const { page } = await tabOn(desk);
    expect(await page.evaluate("document.activeElement === document.body")).toBe(true);
    await page.getByRole("button", { name: "Deny first, with a note" }).focus();
    desk.pending.push(approval({ id: "second", operation: "second" }));
    desk.changed();
    await page.getByRole("article", { name: "second" }).waitFor();
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe("Deny first, with a note");
  });

  it("says that a call is not wanted any more, or was answered elsewhere, and when its time is over", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(
      approval({ id: "one", operation: "one" }),
      approval({ id: "two", operation: "two", expiresAt: Date.now() + 1_500 }),
    );
    const { page } = await tabOn(desk);
    await page.getByRole("article", { name: "two" }).getByText("time is over").waitFor();
    desk.pending.splice(0);
    desk.changed();
    await page.getByRole("article", { name: "one" }).getByText("Answered elsewhere, or not wanted any more").waitFor();
    await page.getByRole("article", { name: "two" }).getByText("Time is over: denied").waitFor();
    await page.getByText("Nothing waits for an answer.").waitFor();
  });

  it("shows an answer that came too late as what it is", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval());
    const { page } = await tabOn(desk);
    const allow = page.getByRole("button", { name: "Allow once: gh_pr_create" });
    await enabled(allow);
    desk.pending.splice(0); // and nobody tells
    await allow.click();
    await page.getByText("It is not there any more").waitFor();
    expect(desk.answered).toEqual([]);
  });

  it("shows what a run writes while it does, follows its end, and cancels it", async () => {
    const desk = new MemoryDesk();
    desk.run({ run_id: "00000000-0000-4000-8000-000000000007", operation: "npm_test" });
    desk.write("00000000-0000-4000-8000-000000000007", "stdout", "first line\n");
    const { page, complaints, picture } = await tabOn(desk);
    await page.getByRole("button", { name: /npm_test/ }).click();
    const output = page.getByRole("region", { name: "stdout of npm_test" });
    await output.getByText("first line").waitFor();
    desk.write(
      "00000000-0000-4000-8000-000000000007",
      "stdout",
      "10 %\r50 %\r\u001b[32m100 %\u001b[0m\n<img src=x onerror=alert(1)>\n",
    );
    await output.getByText("<img src=x onerror=alert(1)>").waitFor();
    expect(await output.textContent()).toBe("first line\n100 %\n<img src=x onerror=alert(1)>\n");
    desk.write(
      "00000000-0000-4000-8000-000000000007",
      "stdout",
      Array.from({ length: 500 }, (_, at) => `line ${at}\n`).join(""),
    );
    await output.getByText("line 499").waitFor();
    const toEnd =
      "(() => { const p = document.querySelector('.output pre'); return p.scrollHeight - p.scrollTop - p.clientHeight; })()";
    await expect.poll(async () => page.evaluate(toEnd)).toBeLessThan(4);
    await page.getByRole("button", { name: /^stderr/ }).click();
    await page.getByText("Nothing written.").waitFor();
    desk.write("00000000-0000-4000-8000-000000000007", "stderr", "a warning\n");
    await page.getByRole("region", { name: "stderr of npm_test" }).getByText("a warning").waitFor();
    await picture("run");
    await page.getByRole("button", { name: "Cancel the run: npm_test" }).click();
    await page.getByText("npm_test is being ended").waitFor();
    await page.getByText("Nothing runs.").waitFor();
    expect(desk.cancelled).toEqual(["00000000-0000-4000-8000-000000000007"]);
    expect(complaints).toEqual([]);
  });

  it("filters decisions, opens one, and says that there are new ones without moving anything", async () => {
    const desk = fullDesk();
    const { page, complaints, picture } = await tabOn(desk);
    await page.getByRole("link", { name: "Decisions" }).click();
    const rows = page.locator(".decision");
    await rows.first().waitFor();
    expect(await rows.count()).toBe(50);
    await page.getByRole("button", { name: "Show older ones" }).click();
    await expect.poll(async () => rows.count()).toBeGreaterThan(50);
    await page.getByLabel("Verdict").selectOption("deny");
    await expect
      .poll(async () => new Set(await page.locator(".decision .badge").allTextContents()))
      .toEqual(new Set(["denied"]));
    await page.getByLabel("Operation").fill("git_push");
    await page.getByLabel("Project").fill("nothing such");
    await page.getByText("No decision matches.").waitFor();
    await page.getByLabel("Project").fill("");
    await rows.first().getByRole("button").click();
    await rows.first().getByText("constraints.branch_allow has ai/.+").waitFor();
    await picture("decision");
    const count = await rows.count();
    desk.decided.push(decision({ id: "new", verdict: "deny", operation: "git_push", code: "branch_denied" }));
    desk.changed();
    await page.getByRole("button", { name: "Show new ones" }).click();
    await expect.poll(async () => rows.count()).toBe(count + 1);
    expect(await page.getByRole("img").getAttribute("aria-label")).toMatch(
      /^In the last hour \d+ requests permitted, \d+ denied; most at \d\d:\d\d, \d+ in a minute\.$/,
    );
    expect(complaints).toEqual([]);
  });

  it("shows what a changed configuration would permit, and how it is approved", async () => {
    const { page, complaints } = await tabOn(fullDesk());
    await page.getByRole("link", { name: /^Projects/ }).click();
    await page.getByRole("link", { name: /acme_site/ }).click();
    const view = page.getByRole("article", { name: "acme_site" });
    await view.getByText("operation gh_api is allowed").waitFor();
    await view.getByText("cmd2host config allow acme_site").waitFor();
    expect(await view.locator(".diff .new").allTextContents()).toEqual([
      '+  "allowed_operations": ["gh_pr_view", "gh_api"],',
      '+    "branch_allow": ["ai/.+"]',
    ]);
    expect(await view.getByRole("button", { name: /allow/i }).allTextContents()).toEqual(["Copy"]);
    expect(complaints).toEqual([]);
  });

  it("revokes tokens and grants, after it has asked", async () => {
    const desk = fullDesk();
    const { page, complaints } = await tabOn(desk);
    await page.getByRole("link", { name: "Access" }).click();
    const name = "Revoke the token of session 5e551011";
    await page.getByRole("button", { name }).click();
    expect(await page.evaluate("document.activeElement.textContent")).toBe("No");
    await page.getByRole("group", { name }).getByRole("button", { name: "No" }).click();
    expect(desk.tokenRows).toHaveLength(3);
    await page.getByRole("button", { name }).click();
    await page.getByRole("group", { name }).getByRole("button", { name: "Revoke" }).click();
    await page.getByText("The token of session 5e551011 is revoked").waitFor();
    expect(desk.tokenRows.map(({ session }) => session)).toEqual(["a11ce000", "0ff00000"]);
    await page.getByRole("button", { name: "Revoke the grant for gh_pr_comment" }).click();
    await page
      .getByRole("group", { name: "Revoke the grant for gh_pr_comment" })
      .getByRole("button", { name: "Revoke" })
      .click();
    await page.getByText("The grant for gh_pr_comment is revoked").waitFor();
    expect(desk.granted.map(({ id }) => id)).toEqual(["g1"]);
    expect(complaints).toEqual([]);
  });

  it("stops everything or one project, says so everywhere, and resumes", async () => {
    const desk = fullDesk();
    const { page, complaints, picture } = await tabOn(desk);
    await page.getByRole("button", { name: "Stop everything" }).click();
    await page.getByRole("group", { name: "Stop everything" }).getByRole("button", { name: "Stop" }).click();
    await page.getByText("Everything is stopped").waitFor();
    expect(desk.stopped).toMatchObject([{ project: undefined }]);
    await picture("stopped");
    await page.getByRole("link", { name: /^Projects/ }).click();
    await page.getByText("Everything is stopped").waitFor();
    await page.getByRole("button", { name: "Resume everything" }).first().click();
    await page.getByText("Everything is stopped").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Stop owner_repo" }).click();
    await page.getByRole("group", { name: "Stop owner_repo" }).getByRole("button", { name: "Stop" }).click();
    await page.getByText("owner_repo is stopped").waitFor();
    expect(desk.stopped).toMatchObject([{ project: "owner_repo" }]);
    expect(complaints).toEqual([]);
  });

  it("says when the daemon does not answer, and lets nothing be answered meanwhile", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval());
    const { page, picture, served } = await tabOn(desk);
    await enabled(page.getByRole("button", { name: "Allow once: gh_pr_create" }));
    await served.server.close();
    await page.getByText("The daemon does not answer.").waitFor();
    await expect.poll(async () => page.title()).toBe("(1) not connected – cmd2host");
    await picture("lost");
    const allow = page.getByRole("button", { name: "Allow once: gh_pr_create" });
    expect(await allow.getAttribute("aria-disabled")).toBe("true");
    await page.getByText("cmd2host ui", { exact: true }).waitFor();
    expect(desk.answered).toEqual([]);
  });

  it("goes on by itself after a break, through a forwarded socket, and knows what came meanwhile", async () => {
    const desk = new MemoryDesk();
    const socket = join(tempDirectory(), "page.sock");
    const served = await openPage(desk, { socket });
    const relay = await relayTo(socket);
    const origin = `http://localhost:${relay.port}`;
    const url = served.server.link().replace("http://localhost", origin);
    const { page } = await openTab(browser, { ...served, origin }, { url });
    await page.getByText("Nothing waits for an answer.").waitFor();
    await relay.cut();
    await page.getByText("The daemon does not answer.").waitFor();
    desk.pending.push(approval());
    await relay.back();
    await page.getByRole("article", { name: "gh_pr_create" }).waitFor();
    expect(await page.getByText("The daemon does not answer.").count()).toBe(0);
    await page.getByRole("button", { name: "Allow once: gh_pr_create" }).click();
    await expect.poll(() => desk.answered.length).toBe(1);
  });

  it("notices a connection that is only said to be there, as after a sleep", { timeout: 90_000 }, async () => {
    const desk = new MemoryDesk();
    const socket = join(tempDirectory(), "page.sock");
    const served = await openPage(desk, { socket });
    const relay = await relayTo(socket);
    const origin = `http://localhost:${relay.port}`;
    const { page } = await openTab(
      browser,
      { ...served, origin },
      { url: served.server.link().replace("http://localhost", origin) },
    );
    await page.getByText("Nothing waits for an answer.").waitFor();
    relay.freeze();
    desk.pending.push(approval());
    desk.changed();
    await page.getByRole("article", { name: "gh_pr_create" }).waitFor({ timeout: 60_000 });
  });

  it("has no part for what this daemon does not have", async () => {
    const desk = new MemoryDesk();
    const bare = Object.assign(desk, {
      approvals: undefined,
      grants: undefined,
      decisions: undefined,
      stops: undefined,
    });
    const { page, complaints } = await tabOn(bare);
    expect(await page.getByRole("navigation").getByRole("link").allTextContents()).toEqual([
      "Now",
      "Projects",
      "Access",
    ]);
    expect(await page.getByRole("heading", { name: "Waiting for you" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Stop everything" }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("cannot be framed, and another port's page gets nothing out of it", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval());
    const served = await openPage(desk);
    const { page } = await openTab(browser, served);
    await page.getByRole("article").waitFor();
    // A page of the same host on another port, which the same browser has open: the same cookies, another origin.
    const evil = await openPage(new MemoryDesk());
    const stranger = await page.context().newPage();
    await stranger.goto(`${evil.origin}/${evil.name}/`);
    expect(partsOf(evil.server.link()).origin).not.toBe(served.origin);
    const target = `${served.origin}/${served.name}`;
    // Through the tools of a developer, which the policy of that page does not bind.
    const session = await page.context().newCDPSession(stranger);
    await session.send("Page.setBypassCSP", { enabled: true });
    await stranger.reload();
    const tries = await stranger.evaluate(`(async () => {
      const said = [];
      for (const options of [{}, { credentials: "include" }, { mode: "no-cors", credentials: "include" }, { method: "POST", mode: "no-cors", credentials: "include", body: '{"kind":"once"}' }])
        said.push(await fetch("${target}/api/approvals/${approval().id}", options).then((reply) => reply.type + reply.status, () => "refused"));
      const frame = document.createElement("iframe");
      frame.src = "${target}/";
      document.body.append(frame);
      await new Promise((done) => { frame.onload = done; });
      said.push(frame.contentDocument === null ? "closed" : "open");
      return said;
    })()`);
    expect(tries).toEqual([
      "refused",
      "refused",
      expect.stringMatching(/opaque0|refused/),
      expect.stringMatching(/opaque0|refused/),
      "closed",
    ]);
    expect(desk.answered).toEqual([]);
  });
});
