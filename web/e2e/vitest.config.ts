import { defineConfig } from "vitest/config";

// One browser, one session: the files run in turn.
export default defineConfig({
  test: {
    include: [process.env.ML_FILES ?? "e2e/**/*.e2e.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    bail: 0,
    // As long as the browser itself waits for an element: a busy machine is not a fault.
    expect: { poll: { timeout: 20_000 } },
  },
});
