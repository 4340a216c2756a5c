import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { requireTools } from "../fixtures/backends/present.ts";
import { expectNoSidewaysScroll, openTab, startBrowser } from "../fixtures/browser.ts";
import { approval, decision, grant, MemoryDesk, project, token } from "../fixtures/page-desk.ts";
import { openPage } from "../fixtures/page.ts";

/** What an agent may write into any field. */
const EVIL = [
  "<img src=x onerror=\"alert('pwned')\">",
  "</script><script>alert(1)</script>",
  "\u202egnp.exe\u202c \u2066\u2069\u200b\ufeff",
  "\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u009b2J",
  "a\nb\r\nc\td\u0000\u007f",
  "\u2028lines\u2029",
  "e\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a\u030b\u030c",
  "\ud800 lone",
  "javascript:alert(1)",
  "{{constructor}} ${alert(1)} %00 &lt;b&gt;",
  "x".repeat(3_000),
].join(" | ");

/** Characters that must stand nowhere in what is shown: controls, marks that turn text around, invisible ones. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/u;

describe.runIf(requireTools(["chromium"]))("what an agent writes, on the page", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });

  /** Everything from outside is hostile. */
  function evilDesk(): MemoryDesk {
    const desk = new MemoryDesk();
    desk.pending.push(
      approval({
        id: EVIL.slice(0, 60),
        project: EVIL,
        operation: EVIL,
        title: EVIL,
        says: EVIL,
        argv: ["/bin/sh", EVIL, "", " lead", "tail ", "two  spaces", "\u0430dmin", "\u05d0\u05d1\u05d2 abc"],
        cwd: EVIL,
        target: EVIL,
        facts: [{ name: "Program", value: EVIL }],
        stdinDigest: EVIL,
        stdinBytes: 7,
        session: EVIL,
        peer: EVIL,
        route: EVIL,
        via: [EVIL],
        lastApproved: { argv: [EVIL, "<b>"], at: Date.now() - 1_000 },
      }),
    );
    desk.run({ run_id: "run", operation: EVIL, project: EVIL, session: EVIL, last_line: EVIL, message: EVIL });
    desk.write("run", "stdout", EVIL);
    desk.run({ run_id: "over", operation: EVIL, state: "failed", code: EVIL, message: EVIL });
    desk.decided.push(
      decision({
        project: EVIL,
        operation: EVIL,
        session: EVIL,
        peer: EVIL,
        route: EVIL,
        verdict: "deny",
        code: EVIL,
        message: EVIL,
        argv: [EVIL, ""],
        rule: EVIL,
        approver: EVIL,
      }),
    );
    desk.granted.push(grant({ operation: EVIL, project: EVIL, session: EVIL, argv: [EVIL], by: EVIL }));
    desk.tokenRows.push(token({ session: EVIL, project: EVIL, repo: EVIL, label: EVIL }));
    desk.stopped.push({ project: EVIL, since: Date.now(), by: EVIL });
    desk.views.set(
      "evil",
      project({
        id: "evil",
        state: "modified",
        repos: [EVIL],
        operations: [{ id: EVIL, about: EVIL, command: EVIL, allowed: true }],
        changes: [{ effect: "widens", text: EVIL, details: [EVIL] }],
        text: `+${EVIL}\n-${EVIL}\n`,
      }),
    );
    return desk;
  }

  it("is text in every field: nothing runs, nothing is hidden, nothing turns around, nothing stands out of its place", async () => {
    const desk = evilDesk();
    const served = await openPage(desk);
    const { page, complaints, picture } = await openTab(browser, served, { viewport: { width: 380, height: 800 } });
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    const looked: string[] = [];
    const look = async (name: string): Promise<void> => {
      const text = await page.evaluate<string>(
        "document.body.textContent + document.title + [...document.querySelectorAll('[aria-label], [title]')].map((one) => one.title + one.getAttribute('aria-label')).join('')",
      );
      const found = UNSEEN.exec(text);
      expect([name, found === null ? "" : JSON.stringify(text.slice(found.index - 20, found.index + 20))]).toEqual([
        name,
        "",
      ]);
      expect(text).toContain("<img src=x onerror=");
      expect(await page.locator("#page img:not([role]), #page script, #page iframe").count()).toBe(0);
      await expectNoSidewaysScroll(page);
      await picture(`hostile-${name}`);
      looked.push(name);
    };
    await page.getByRole("article").waitFor();
    await look("now");
    await page.getByRole("button", { name: "Show everything" }).click();
    await page.getByText("Show everything before").waitFor({ state: "detached" });
    await look("everything");
    await page.goto(`${page.url().split("#")[0] ?? ""}#/now/run`);
    await page.locator(".output pre").getByText("<img").waitFor();
    await look("run");
    await page.goto(`${page.url().split("#")[0] ?? ""}#/decisions`);
    await page.locator(".decision button").first().click();
    await look("decisions");
    await page.goto(`${page.url().split("#")[0] ?? ""}#/projects/evil`);
    await page.getByRole("article", { name: "evil" }).waitFor();
    await look("projects");
    await page.goto(`${page.url().split("#")[0] ?? ""}#/access`);
    await page.getByRole("heading", { name: /^Grants/ }).waitFor();
    await look("access");
    expect(looked).toHaveLength(6);
    expect(dialogs).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it("shows each argument as it is: empty ones, spaces at its ends, letters that only look alike, in the order of its characters", async () => {
    const served = await openPage(evilDesk());
    const { page } = await openTab(browser, served);
    const words = page.getByRole("article").locator(".argv li:not(.gone) .word");
    await words.first().waitFor();
    const texts = await words.allTextContents();
    expect(texts.slice(2)).toEqual([
      "(empty)",
      "\u00b7lead",
      "tail\u00b7",
      "two\u00b7\u00b7spaces",
      "\u0430dmin",
      "\u05d0\u05d1\u05d2 abc",
    ]);
    expect(texts[1]).toContain("\\u202egnp.exe\\u202c");
    expect(texts[1]).toContain("\\x1b[31mred\\x1b[0m");
    expect(texts[1]).toContain("a\\nb\\r\\nc\\td\\x00\\x7f");
    await page.getByText("Marked letters are not those of an English keyboard").waitFor();
    expect(await words.nth(6).locator(".foreign").getAttribute("title")).toBe("Not on an English keyboard: U+0430");
    const order = "getComputedStyle([...document.querySelectorAll('.argv li:not(.gone) .word')][7]).unicodeBidi";
    expect(await page.evaluate(order)).toBe("isolate-override");
  });
});
