import { defineConfig } from "vitest/config";

/** The tests that start containers: `npm run test:containers`. One after the other, since they share a store of images and a network. */
export default defineConfig({
  test: {
    include: ["test/e2e/containers/**/*.test.ts"],
    setupFiles: ["test/fixtures/set-up.ts"],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: "forks",
    fileParallelism: false,
    reporters: [["default", { summary: false }], "./test/fixtures/closing-line.ts"],
  },
});
