import { defineConfig } from "vitest/config";

/** The tests of a fleet with real processes on hosts of a network: `npm run test:fleet`. One after the other, since the machine's processors are what they share. */
export default defineConfig({
  test: {
    include: ["test/e2e/fleet/**/*.test.ts"],
    setupFiles: ["test/fixtures/set-up.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    fileParallelism: false,
    reporters: [["default", { summary: false }], "./test/fixtures/closing-line.ts"],
  },
});
