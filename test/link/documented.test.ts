import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as limits from "../../link/limits.ts";
import { MESSAGE } from "../../link/message.ts";
import { firstWindow } from "../../link/stream-table.ts";
import { PROTOCOL } from "../../link/tls.ts";
import { projectRoot } from "../fixtures/temp.ts";

const text = readFileSync(join(projectRoot, "docs/link.md"), "utf8");

it("docs/link.md names every message", () => {
  const rows = [...text.matchAll(/^\| `0x([0-9a-f]{2})` \| `([a-z_]+)` +\| ([^|]+?) +\| (yes)? *\|/gm)];
  expect(rows.map(([, type = "", name]) => [name, Number.parseInt(type, 16)])).toEqual(Object.entries(MESSAGE));
  for (const [, type = "", , , counts] of rows)
    expect(counts === "yes").toBe(Number.parseInt(type, 16) >= MESSAGE.open);
});

it("docs/link.md says the bounds that the code has", () => {
  const mebibytes = (bytes: number): string => `${bytes / 1_048_576} MiB`;
  const kibibytes = (bytes: number): string => `${bytes / 1_024} KiB`;
  for (const said of [
    limits.MAX_DATA_BYTES.toLocaleString("en-US"),
    limits.MAX_JSON_BYTES.toLocaleString("en-US"),
    kibibytes(limits.MAX_JSON_BYTES),
    `together have ${limits.HANDSHAKE_MS / 1_000} s`,
    `At most ${limits.MAX_HANDSHAKES} handshakes`,
    `${limits.MAX_UNPROVED.toLocaleString("en-US")} connections wait`,
    `at work for ${limits.HANDSHAKE_PATIENCE_MS / 1_000} s`,
    `${limits.LEASE_MS / 1_000} s by default`,
    `up to ${mebibytes(limits.WINDOW_BYTES)}`,
    `${mebibytes(limits.SESSION_WINDOW_BYTES)} (\`sessionWindow\`)`,
    `${limits.STREAMS.toLocaleString("en-US")} (\`streams\`)`,
    `more than ${mebibytes(limits.MAX_CREDIT_BYTES)}`,
    `${mebibytes(limits.MAX_UNACKNOWLEDGED_BYTES)}; then no data is sent`,
    `${mebibytes(2 * limits.MAX_UNACKNOWLEDGED_BYTES)}; then the session ends`,
    `after ${limits.ACKNOWLEDGE_MESSAGES} messages or ${kibibytes(limits.ACKNOWLEDGE_BYTES)}`,
    `more than ${limits.MAX_PINGS.toLocaleString("en-US")} pings`,
    `in one session                                      | ${limits.MAX_KEYS}`,
    `within ${limits.CHECK_MS / 1_000} s`,
    `which is ${kibibytes(firstWindow({ window: limits.WINDOW_BYTES, sessionWindow: limits.SESSION_WINDOW_BYTES, streams: limits.STREAMS }))} for`,
    ...Object.values(PROTOCOL),
  ])
    expect(text.replace(/ +/g, " ")).toContain(said.replace(/ +/g, " "));
});
