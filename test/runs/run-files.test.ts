import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RunFiles } from "../../host/runs/run-files.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const SESSION = "a".repeat(64);

describe("the files of runs", () => {
  it("are made while the directory of their session goes with what was its last run", async () => {
    const files = new RunFiles(join(tempDirectory(), "runs"));
    for (let round = 0; round < 300; round++) {
      const [kept, gone, other] = [randomUUID(), randomUUID(), randomUUID()];
      await Promise.all([
        files.remove(SESSION, gone),
        files.create(SESSION, kept, "stdout").then(async (file) => file.close()),
        files.remove(SESSION, other),
        files.writeAbout(SESSION, kept, "{}"),
        files.remove(SESSION, gone),
      ]);
      for (const ending of ["stdout", "about"] as const)
        expect(existsSync(files.path(SESSION, kept, ending))).toBe(true);
      await files.remove(SESSION, kept);
    }
    expect(existsSync(files.directory(SESSION))).toBe(false);
  });
});
