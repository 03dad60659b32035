import { test as base, expect } from "@playwright/test";
import { type FakeConfig, type FakeControl, fakeEdge } from "./edge.js";
import { type PageServer, servePages } from "./server.js";

declare global {
  interface Window {
    fakeEdge: FakeControl;
  }
}

export const APPS = [
  {
    name: "scene",
    title: "Lantern Bay",
    summary: "A small world by the water. Walk, look around and light the lanterns.",
    keys: [
      { keys: "W A S D", does: "walk" },
      { keys: "Space", does: "jump" },
    ],
    package: "",
    installed: true,
  },
  {
    name: "supertux2",
    title: "SuperTux",
    summary: "Run and jump through an ice-cold world.",
    keys: [
      { keys: "← →", does: "walk" },
      { keys: "Space", does: "jump" },
      { keys: "Ctrl", does: "throw" },
    ],
    package: "supertux",
    installed: true,
  },
  {
    name: "extremetuxracer",
    title: "Extreme Tux Racer",
    summary: "Slide down a mountain on your belly.",
    keys: [
      { keys: "← →", does: "steer" },
      { keys: "↑", does: "paddle" },
    ],
    package: "extremetuxracer",
    installed: false,
  },
] as const;

interface Fixtures {
  /** Serves the pages with the given catalogue. */
  readonly serve: (apps?: readonly object[]) => Promise<PageServer>;
  /** Puts the fake edge into the page before any script of its runs. */
  readonly fake: (config?: FakeConfig) => Promise<void>;
}

/** A page that breaks its own security policy, or throws, fails its test. */
export const test = base.extend<Fixtures>({
  page: async ({ page }, use) => {
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("404")) faults.push(message.text());
    });
    await use(page);
    expect(faults).toEqual([]);
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants the fixtures destructured, even when none is used
  serve: async ({}, use) => {
    const open: PageServer[] = [];
    await use(async (apps = APPS) => {
      const server = await servePages(apps);
      open.push(server);
      return server;
    });
    for (const server of open) await server.close();
  },
  fake: async ({ page }, use) => {
    await use(async (config = {}) => {
      await page.addInitScript(fakeEdge, config);
    });
  },
});

export { expect };
