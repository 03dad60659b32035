import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Empties dist but for the committed placeholder, which keeps `go build` working without npm. */
const emptyDist: Plugin = {
  name: "empty-dist",
  apply: "build",
  async buildStart() {
    const dist = path("dist");
    const entries = await readdir(dist).catch(() => []);
    for (const entry of entries) {
      if (entry !== "placeholder.html") await rm(`${dist}/${entry}`, { recursive: true });
    }
  },
};

export default defineConfig({
  root: path("app"),
  plugins: [emptyDist],
  build: {
    outDir: path("dist"),
    emptyOutDir: false,
    target: ["chrome111", "firefox132", "safari16.4"],
    // The server's policy allows no data: URL and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { index: path("app/index.html"), bench: path("app/bench.html"), admin: path("app/admin.html") } },
  },
});
