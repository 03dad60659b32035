import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["{player,app,studio}/**/*.test.ts"], environment: "node" } });
