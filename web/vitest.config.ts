import { defineConfig } from "vitest/config";

/** Simulations of minutes take seconds on a busy machine: the limit is for what hangs. */
const testTimeout = 60_000;

export default defineConfig({ test: { include: ["{player,app,studio}/**/*.test.ts"], environment: "node", testTimeout } });
