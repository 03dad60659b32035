import { defineConfig } from "@playwright/test";

/** Debian's Chromium: no browser is downloaded. The flags keep it from calling anywhere but the page under test. */
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const args = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** SHOTS=FOLDER makes pictures of every state of the page, for the eye: they are no tests, and left out otherwise. */
const pictures = process.env["SHOTS"] !== undefined;

export default defineConfig({
  testDir: "e2e",
  fullyParallel: false,
  workers: 1,
  timeout: 60_000,
  forbidOnly: process.env["CI"] !== undefined,
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    launchOptions: { executablePath, args },
    trace: { mode: "retain-on-failure", screenshots: false },
  },
  projects: [
    {
      name: "desktop",
      testIgnore: pictures ? /phone\.spec\.ts$/ : /(phone|states)\.spec\.ts$/,
      use: { viewport: { width: 1280, height: 720 } },
    },
    {
      name: "phone",
      testMatch: pictures ? /(phone|states|e2e\/share)\.spec\.ts$/ : /phone\.spec\.ts$/,
      use: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 3 },
    },
  ],
});
