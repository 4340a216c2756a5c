import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLog, type Log } from "../../host/util/log.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();

/** Writes with a log to a file and returns what stands there, at once: nothing may be kept back. */
function written(human: boolean, write: (log: Log) => void): string {
  const path = join(mkdtempSync(join(room, "l")), "log");
  const descriptor = openSync(path, "w");
  write(createLog(descriptor, human));
  const text = readFileSync(path, "utf8");
  closeSync(descriptor);
  return text;
}

function lines(write: (log: Log) => void): readonly Readonly<Record<string, unknown>>[] {
  return written(false, write)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** What a container could want to smuggle into a log. */
const HOSTILE = "x\n[12:00:00.000] INFO: forged\r\x1b[2J\x1b]0;title\x07\u009b31m\u202etxt.exe\u2028\u2066\0\x7f";
const FORBIDDEN = /[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe("a log for machines", () => {
  it("has one JSON object per line, with level, time, event and fields", () => {
    const [first, second, third, ...rest] = lines((log) => {
      log.info("started");
      log.warn("careful", { count: 1, flag: true, name: "x", nothing: undefined });
      log.error("broken", { reason: "y" });
    });
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ level: "info", msg: "started" });
    expect(first?.["time"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(second).toEqual({
      level: "warn",
      time: expect.any(String) as string,
      count: 1,
      flag: true,
      name: "x",
      msg: "careful",
    });
    expect(third).toMatchObject({ level: "error", msg: "broken", reason: "y" });
    expect(first).not.toHaveProperty("pid");
    expect(
      lines((log) => {
        log.warn("w");
        log.error("e");
      }),
    ).toHaveLength(2);
  });

  it("shows hostile text as escapes, on one line", () => {
    const text = written(false, (log) => {
      log.info("denied", { reason: HOSTILE });
    });
    expect(text.trimEnd()).not.toContain("\n");
    expect(text).not.toMatch(FORBIDDEN);
    const [line] = lines((log) => {
      log.info("denied", { reason: HOSTILE });
    });
    expect(line?.["reason"]).toBe(
      "x\\n[12:00:00.000] INFO: forged\\r\\x1b[2J\\x1b]0;title\\a\\u009b31m\\u202etxt.exe\\u2028\\u2066\\x00\\x7f",
    );
  });

  it("cuts what is long", () => {
    const [line] = lines((log) => {
      log.info("denied", { reason: "a".repeat(100_000) });
    });
    expect(line?.["reason"]).toBe(`${"a".repeat(4_096)}… (95904 more bytes)`);
  });
});

describe("a log for people", () => {
  it("has one line per event, with time, level, event and fields", () => {
    const text = written(true, (log) => {
      log.info("started");
      log.warn("careful", { count: 1, peer: "x" });
    }).replaceAll(/\x1b\[\d+m/g, "");
    expect(text).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: started\n\[\d\d:\d\d:\d\d\.\d{3}\] WARN: careful \{"count":1,"peer":"x"\}\n$/,
    );
  });

  it("cannot be forged or steered by hostile text", () => {
    const text = written(true, (log) => {
      log.info("denied", { reason: HOSTILE });
    }).replaceAll(/\x1b\[\d+m/g, "");
    expect(text.trimEnd()).not.toContain("\n");
    expect(text).not.toMatch(FORBIDDEN);
    expect(text).toContain("\\u202etxt.exe");
  });
});
