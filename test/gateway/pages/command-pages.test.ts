import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodedError } from "../../../wire/errors.ts";
import { FIRST, LONG, NOW, pagesOf, Played, SECOND, stays } from "./played.ts";

const ONCE = { again: false };
const AGAIN = { again: true };
const TOKEN = expect.stringMatching(/^[0-9a-f]{32}$/) as string;

function tokenOf({ next }: { readonly next: string | undefined }): string {
  return next ?? "none";
}

describe("pages of a command's output", () => {
  it("give standard output first, and standard error with the room that is left", async () => {
    const { pages } = pagesOf();
    const command = new Played();
    const opened = pages.open(FIRST, command);
    command.says("errors", "stderr");
    command.says("123456789012345");
    command.ends(3);
    const first = await opened.first(LONG, stays);
    expect(first).toEqual({ stdout: "1234567890", stderr: "", next: TOKEN, end: undefined });
    const second = await pages.next(FIRST, tokenOf(first), LONG, stays, ONCE);
    expect(second).toEqual({ stdout: "12345", stderr: "error", next: TOKEN, end: undefined });
    expect(await pages.next(FIRST, tokenOf(second), LONG, stays, ONCE)).toMatchObject({
      stdout: "",
      stderr: "s",
      next: undefined,
      end: { kind: "ended", end: { exitCode: 3 } },
    });
    expect(pages.size).toBe(0);
  });

  it("put together are what the command wrote, whatever the bytes and wherever they are cut", async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
    const texts = fc.array(
      fc.string({ unit: "binary", maxLength: 12 }).map((text) => Buffer.from(text)),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(chunks, texts), fc.integer({ min: 4, max: 20 }), async (parts, pageMaxBytes) => {
        const { pages } = pagesOf({ pageMaxBytes });
        const command = new Played();
        const opened = pages.open(FIRST, command);
        const written = parts.map((part) => Buffer.from(part));
        for (const part of written) command.says(part);
        command.ends();
        let page = await opened.first(LONG, stays);
        let text = page.stdout;
        while (page.next !== undefined) {
          page = await pages.next(FIRST, page.next, LONG, stays, ONCE);
          text += page.stdout;
        }
        expect(text).toBe(Buffer.concat(written).toString("utf8"));
      }),
      { numRuns: 100 },
    );
  });

  it("hold back the beginning of a character while more may come, and no longer", async () => {
    const { pages } = pagesOf();
    const command = new Played();
    const opened = pages.open(FIRST, command);
    command.says(Buffer.from("x€").subarray(0, 3));
    const first = await opened.first({ timeoutMs: 20_000, gatherMs: 0 }, stays);
    expect(first.stdout).toBe("x");
    command.says(Buffer.from("€").subarray(2));
    const second = await pages.next(FIRST, tokenOf(first), { timeoutMs: 20_000, gatherMs: 0 }, stays, ONCE);
    expect(second.stdout).toBe("€");
    command.says(Buffer.from("€").subarray(0, 2));
    command.ends();
    expect((await pages.next(FIRST, tokenOf(second), LONG, stays, ONCE)).stdout).toBe("\u{fffd}");
  });

  it("come when output was gathered for long enough, or at the end of the time", async () => {
    const { pages } = pagesOf();
    const command = new Played();
    const opened = pages.open(FIRST, command);
    setTimeout(() => {
      command.says("a");
    }, 20);
    const first = await opened.first({ timeoutMs: 20_000, gatherMs: 30 }, stays);
    expect(first).toMatchObject({ stdout: "a", next: TOKEN });
    expect(await pages.next(FIRST, tokenOf(first), NOW, stays, ONCE)).toMatchObject({ stdout: "", next: TOKEN });
  });

  it("hold a command that nobody reads, and let it go on when somebody does", async () => {
    const { pages } = pagesOf();
    const command = new Played();
    const opened = pages.open(FIRST, command);
    const taken: number[] = [];
    const writing = (async (): Promise<void> => {
      for (let index = 0; index < 50; index++) {
        await command.writes("0123456789", index % 2 === 0 ? "stdout" : "stderr");
        taken.push(index);
      }
      command.ends();
    })();
    let page = await opened.first(LONG, stays);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken.length).toBeLessThan(8);
    let length = page.stdout.length + page.stderr.length;
    while (page.next !== undefined) {
      page = await pages.next(FIRST, page.next, LONG, stays, ONCE);
      length += page.stdout.length + page.stderr.length;
    }
    await writing;
    expect(length).toBe(500);
  });

  it("tell of a failure only when what was written before it was given", async () => {
    const { pages, bugs } = pagesOf();
    const command = new Played();
    const opened = pages.open(FIRST, command);
    command.says("half");
    command.fails(new CodedError("link_lost", "the link broke"));
    const first = await opened.first(LONG, stays);
    expect(first).toEqual({ stdout: "half", stderr: "", next: TOKEN, end: undefined });
    expect(await pages.next(FIRST, tokenOf(first), LONG, stays, ONCE)).toMatchObject({
      stdout: "",
      end: { kind: "failed", error: { code: "link_lost" } },
    });
    expect(bugs).toEqual([]);
  });

  it("say nothing of a bug but that there is one", async () => {
    const { pages, bugs } = pagesOf();
    const command = new Played();
    const opened = pages.open(FIRST, command);
    command.fails(new Error("secret of the inside"));
    const { end } = await opened.first(LONG, stays);
    expect(end).toMatchObject({ kind: "failed", error: { code: "internal" } });
    expect(JSON.stringify(end)).not.toContain("secret");
    expect(bugs).toHaveLength(1);
  });
});

describe("a page's token", () => {
  async function begun(settings = {}) {
    const { pages } = pagesOf(settings);
    const command = new Played();
    const opened = pages.open(FIRST, command);
    command.says("0123456789abcdef");
    const first = await opened.first(LONG, stays);
    return { pages, command, token: tokenOf(first) };
  }

  it("is good for its caller only, and nobody else can tell it from one that there is not", async () => {
    const { pages, token, command } = await begun();
    const other = pages.next(SECOND, token, NOW, stays, AGAIN);
    await expect(other).rejects.toMatchObject({ code: "page_unknown", message: "invalid or expired page token" });
    await expect(pages.next(SECOND, "0".repeat(32), NOW, stays, ONCE)).rejects.toMatchObject({
      code: "page_unknown",
      message: "invalid or expired page token",
    });
    command.ends();
    expect((await pages.next(FIRST, token, LONG, stays, ONCE)).stdout).toBe("abcdef");
  });

  it("is good once", async () => {
    const { pages, token } = await begun();
    await pages.next(FIRST, token, NOW, stays, ONCE);
    await expect(pages.next(FIRST, token, NOW, stays, ONCE)).rejects.toMatchObject({ code: "page_unknown" });
  });

  it("gives its page again on demand, until the page behind it is asked for", async () => {
    const { pages, token, command } = await begun();
    const page = await pages.next(FIRST, token, NOW, stays, ONCE);
    expect(await pages.next(FIRST, token, NOW, stays, AGAIN)).toEqual(page);
    const last = pages.next(FIRST, tokenOf(page), LONG, stays, ONCE);
    await expect(pages.next(FIRST, token, NOW, stays, AGAIN)).rejects.toMatchObject({ code: "page_unknown" });
    command.ends(4);
    const end = await last;
    await expect(pages.next(FIRST, token, NOW, stays, AGAIN)).rejects.toMatchObject({ code: "page_unknown" });
    expect(await pages.next(FIRST, tokenOf(page), NOW, stays, AGAIN)).toEqual(end);
    expect(pages.size).toBe(0);
  });

  it("gives its last page again only for a while, and only of so many commands", async () => {
    const { pages, token, command } = await begun({ idleMs: 40 });
    command.ends();
    await pages.next(FIRST, token, LONG, stays, ONCE);
    await new Promise((resolve) => setTimeout(resolve, 120));
    await expect(pages.next(FIRST, token, NOW, stays, AGAIN)).rejects.toMatchObject({ code: "page_unknown" });

    const large = pagesOf({ pageMaxBytes: 10_000_000 });
    const read = [];
    for (let index = 0; index < 2; index++) {
      const one = new Played();
      const first = await large.pages.open(FIRST, one).first(NOW, stays);
      one.ends();
      await large.pages.next(FIRST, tokenOf(first), LONG, stays, ONCE);
      read.push(tokenOf(first));
    }
    await expect(large.pages.next(FIRST, String(read[0]), NOW, stays, AGAIN)).rejects.toMatchObject({
      code: "page_unknown",
    });
    expect(await large.pages.next(FIRST, String(read[1]), NOW, stays, AGAIN)).toMatchObject({ next: undefined });
  });

  it("is won by one of two who ask at the same time", async () => {
    const { pages, token, command } = await begun();
    const both = [0, 1].map(async () => pages.next(FIRST, token, LONG, stays, ONCE).catch((error: unknown) => error));
    command.ends();
    const [one, two] = await Promise.all(both);
    expect(one).toMatchObject({ stdout: "abcdef" });
    expect(two).toMatchObject({ code: "page_unknown" });
  });

  it("stays good when whoever asked goes away before there is an answer", async () => {
    const { pages, token, command } = await begun();
    const gone = new AbortController();
    const asked = pages.next(FIRST, token, LONG, gone.signal, ONCE);
    gone.abort();
    await expect(asked).rejects.toMatchObject({ code: "cancelled" });
    await expect(pages.next(FIRST, token, LONG, gone.signal, ONCE)).rejects.toMatchObject({ code: "cancelled" });
    command.ends();
    expect((await pages.next(FIRST, token, LONG, stays, ONCE)).stdout).toBe("abcdef");
  });

  it("expires, and with it the command", async () => {
    const { pages, token, command } = await begun({ idleMs: 40 });
    while (command.signal?.aborted !== true) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(command.signal.reason).toBe("cancelled");
    await expect(pages.next(FIRST, token, NOW, stays, AGAIN)).rejects.toMatchObject({ code: "page_unknown" });
    expect(pages.size).toBe(0);
    // What still comes is taken and forgotten.
    expect(await command.writes("x".repeat(1_000))).toBe(false);
  });
});

describe("commands whose output is fetched", () => {
  it("end when their caller goes away before the first page", async () => {
    const { pages } = pagesOf();
    const command = new Played();
    const gone = new AbortController();
    const first = pages.open(FIRST, command).first(LONG, gone.signal);
    gone.abort();
    await expect(first).rejects.toMatchObject({ code: "cancelled" });
    expect(command.signal?.reason).toBe("cancelled");
    expect(pages.size).toBe(0);
  });

  it("are bounded in number and in bytes, of one caller and in all", () => {
    for (const [settings, callers, who] of [
      [{ maxOfCaller: 2 }, [FIRST, FIRST, SECOND], FIRST],
      [{ maxInAll: 2 }, [FIRST, SECOND], SECOND],
      [{ maxBytesOfCaller: 80 }, [FIRST, FIRST, SECOND], FIRST],
      [{ maxBytesInAll: 80 }, [FIRST, SECOND], SECOND],
    ] as const) {
      const { pages } = pagesOf(settings);
      for (const caller of callers) pages.open(caller, new Played());
      const refused = new Played();
      expect(() => pages.open(who, refused)).toThrow(expect.objectContaining({ code: "too_many_runs" }) as Error);
      expect(refused.givenUp).toBe(1);
    }
  });

  it("give their room back when they were read to the end, also when the settings changed meanwhile", async () => {
    const { pages } = pagesOf({ maxOfCaller: 1, maxBytesOfCaller: 40 });
    for (let index = 0; index < 3; index++) {
      const command = new Played();
      const opened = pages.open(FIRST, command);
      pages.settings = { ...pages.settings, pageMaxBytes: 5 };
      command.ends();
      expect(await opened.first(LONG, stays)).toMatchObject({ next: undefined });
      pages.settings = { ...pages.settings, pageMaxBytes: 10 };
    }
  });

  it("are told when the gateway stops, and none begins", async () => {
    const { pages } = pagesOf();
    const command = new Played();
    const first = pages.open(FIRST, command).first(LONG, stays);
    pages.drain();
    expect(() => pages.open(FIRST, new Played())).toThrow(expect.objectContaining({ code: "shutting_down" }) as Error);
    expect(command.signal?.aborted).toBe(false);
    pages.stop();
    expect(await first).toMatchObject({ end: { kind: "failed", error: { code: "shutting_down" } } });
    expect(command.signal?.reason).toBe("shutting_down");
  });

  it("tell whoever watches them what comes", () => {
    const { pages } = pagesOf();
    const command = new Played();
    const seen: string[] = [];
    pages.open(FIRST, command, { output: (stream, bytes) => seen.push(`${stream} ${bytes.toString()}`) });
    command.says("one");
    command.says("", "stderr");
    command.says("two", "stderr");
    expect(seen).toEqual(["stdout one", "stderr two"]);
  });
});
