import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    coverage: {
      provider: "v8",
      include: ["wire/**/*.ts", "host/**/*.ts", "mcp/**/*.ts"],
      exclude: ["wire/generated/**"],
      reporter: ["text-summary", "json-summary", "html"],
    },
  },
});
