import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["{player,app}/**/*.test.ts"], environment: "node" } });
