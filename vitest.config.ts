import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const complete = { lines: 100 };

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/containers/**", "test/e2e/fleet/**"],
    // Node loads these itself: transformed, the daemons of test/hostile/mutant.ts are more than a worker's memory.
    server: { deps: { external: [/\/mutant\.mjs$/] } },
    setupFiles: ["test/fixtures/set-up.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    // More than there are processors: most tests wait for processes and sockets.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    reporters: [["default", { summary: false }], "./test/fixtures/closing-line.ts"],
    coverage: {
      provider: "v8",
      reportOnFailure: true,
      include: [
        "wire/**/*.ts",
        "capnp/**/*.ts",
        "host/**/*.ts",
        "gateway/**/*.ts",
        "link/**/*.ts",
        "nats/**/*.ts",
        "mcp/**/*.ts",
        "proxy/**/*.ts",
        "terminal/**/*.ts",
        "transfer/**/*.ts",
      ],
      exclude: ["wire/generated/**"],
      reporter: ["text-summary", "json", "html"],
      thresholds: {
        "wire/**": complete,
        "host/engine/**": complete,
        "host/operation/**": complete,
        "host/project/**": complete,
        "host/sanitize/**": complete,
      },
    },
  },
});
