import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { requireTools } from "../fixtures/backends/present.ts";
import { expectNoSidewaysScroll, openTab, startBrowser } from "../fixtures/browser.ts";
import { fullDesk } from "../fixtures/full-desk.ts";
import { approval, MemoryDesk } from "../fixtures/page-desk.ts";
import { openPage } from "../fixtures/page.ts";

const STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, in a line each. */
async function violations(page: Page): Promise<readonly string[]> {
  const run = `axe.run(document, { runOnly: ${JSON.stringify(STANDARDS)} }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ": " + node.target.join(" ") + " " + (node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message))))`;
  return page.evaluate<string[]>(run);
}

/** The parts of the page, in all that can be opened there. */
const PARTS: readonly (readonly [name: string, hash: string, open: (page: Page) => Promise<void>])[] = [
  [
    "now",
    "#/now/00000000-0000-4000-8000-000000000021",
    async (page) => {
      await page.locator(".output pre").getByText("test/session.test.ts").waitFor();
      await page.getByRole("button", { name: "Deny gh_pr_create, with a note" }).click();
      await page.getByRole("button", { name: "Allow more than this one run of aws_s3_cp" }).click();
    },
  ],
  [
    "decisions",
    "#/decisions",
    async (page) => {
      await page.locator(".decision button").first().click();
      await page.locator(".decision .details").waitFor();
    },
  ],
  [
    "projects",
    "#/projects/acme_site",
    async (page) => {
      await page.getByRole("article", { name: "acme_site" }).waitFor();
      await page.getByRole("button", { name: "Stop acme_site" }).click();
    },
  ],
  [
    "access",
    "#/access",
    async (page) => {
      await page.getByRole("button", { name: "Revoke the grant for git_push" }).click();
    },
  ],
  [
    "keys",
    "#/now",
    async (page) => {
      await page.getByRole("button", { name: "Keys" }).click();
      await page.getByRole("dialog").waitFor();
    },
  ],
];

describe.runIf(requireTools(["chromium"]))("the page for everybody", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });

  for (const colorScheme of ["light", "dark"] as const)
    for (const [width, kind] of [
      [1_280, "wide"],
      [380, "narrow"],
    ] as const)
      it(`has nothing that axe objects to, ${colorScheme} and ${kind}, and stands out to no side`, async () => {
        const desk = fullDesk();
        desk.stopped.push({ project: "old_tools", since: Date.now(), by: "terminal" });
        const tab = await openTab(browser, await openPage(desk), {
          script: axe.source,
          colorScheme,
          viewport: { width, height: 860 },
        });
        const { page, complaints, picture } = tab;
        await page.getByRole("heading", { name: /^Running/ }).waitFor();
        for (const [name, hash, open] of PARTS) {
          await page.goto(`${page.url().split("#")[0] ?? ""}${hash}`);
          await open(page);
          // Until nothing is inert: contrast is looked at as it will be.
          await expect.poll(async () => page.locator("main [aria-disabled=true]").count(), { timeout: 10_000 }).toBe(0);
          expect([name, await violations(page)]).toEqual([name, []]);
          await expectNoSidewaysScroll(page);
          await picture(`${name}-${colorScheme}-${kind}`);
        }
        expect(complaints).toEqual([]);
      });

  it("is axe's own when there is no login, and when the daemon is gone", async () => {
    const served = await openPage(fullDesk());
    const out = await openTab(browser, served, { url: `${served.origin}/${served.name}/`, script: axe.source });
    await out.page.getByText("This tab has no login.").waitFor();
    expect(await violations(out.page)).toEqual([]);
    const tab = await openTab(browser, served, { script: axe.source });
    await tab.page.getByRole("heading", { name: /^Running/ }).waitFor();
    await served.server.close();
    await tab.page.getByText("The daemon does not answer.").waitFor();
    expect(await violations(tab.page)).toEqual([]);
  });

  it("can be used with the keyboard alone: parts, calls, a denial with a note, and out again everywhere", async () => {
    const desk = fullDesk();
    const { page, complaints } = await openTab(browser, await openPage(desk));
    const focused = async (): Promise<string> =>
      await page.evaluate<string>(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent",
      );
    await page.getByRole("article").first().waitFor();
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Go to the content");
    await page.keyboard.press("Enter");
    expect(await focused()).toMatch(/^Waiting for you/);
    await page.keyboard.press("j");
    expect(await focused()).toMatch(/^gh_pr_create/);
    await page.keyboard.press("j");
    expect(await focused()).toMatch(/^aws_s3_cp/);
    await page.keyboard.press("k");
    // The first button is never pressed by the key that went there.
    await page.keyboard.press("Enter");
    expect(desk.answered).toEqual([]);
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Allow once: gh_pr_create");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Deny gh_pr_create, with a note");
    await page.keyboard.press("Enter");
    await page.keyboard.type("1? j, k: not now");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Deny gh_pr_create");
    await expect
      .poll(async () =>
        page.getByRole("button", { name: "Deny gh_pr_create", exact: true }).getAttribute("aria-disabled"),
      )
      .toBe("false");
    await page.keyboard.press("Enter");
    await page.getByRole("article").getByText("Denied").waitFor();
    expect(desk.answered).toMatchObject([{ answer: { kind: "deny", note: "1? j, k: not now" } }]);
    expect(await focused()).toMatch(/^gh_pr_create/);
    for (const [key, heading] of [
      ["2", "Decisions"],
      ["3", "Projects"],
      ["4", "Tokens"],
      ["1", "Waiting for you"],
    ] as const) {
      await page.keyboard.press(key);
      await expect.poll(focused).toMatch(new RegExp(`^${heading}`));
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.getByLabel("Single keys are on").uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("2");
    expect(page.url()).toContain("#/now");
    // Through everything, and out at the end: nothing holds the focus.
    const seen = new Set<string>();
    await page.evaluate("document.activeElement.blur()");
    for (let step = 0; step < 80; step++) {
      await page.keyboard.press("Tab");
      const where = await page.evaluate<string>(
        "document.activeElement === document.body ? '' : document.activeElement.outerHTML.slice(0, 300)",
      );
      if (where === "" || (seen.has(where) && step > 40)) break;
      seen.add(where);
      const visible = await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
      expect([where, visible]).toEqual([where, "solid"]);
    }
    expect(seen.size).toBeGreaterThan(10);
    expect(seen.size).toBeLessThan(79);
    expect(complaints).toEqual([]);
  });

  it("reads new calls to whoever cannot see them, once, and politely", async () => {
    const desk = new MemoryDesk();
    const { page } = await openTab(browser, await openPage(desk));
    const region = page.locator("[aria-live=polite]");
    await page.getByText("Nothing waits for an answer.").waitFor();
    desk.pending.push(approval({ id: "one" }), approval({ id: "two" }));
    desk.changed();
    await expect.poll(async () => region.textContent()).toBe("2 operations wait for your answer.");
  });
});
