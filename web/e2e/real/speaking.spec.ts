/** The microphone, end to end: Chromium's fake device, which beeps once a second, the edge, and a program that records in the session. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect, play } from "./nearlight.js";

interface Recorder {
  /** Beeps that were heard: loud tenths of a second after quiet ones. */
  readonly beeps: () => number;
  /** Seconds that were recorded. */
  readonly seconds: () => number;
}

const RATE = 48_000;

const test = base.extend<{ readonly folder: string; readonly record: () => Recorder }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "nl-mic-"));
    execFileSync("chmod", ["755", folder]);
    await use(folder);
    rmSync(folder, { recursive: true });
  },
  record: async ({ folder }, use) => {
    const running: ChildProcess[] = [];
    await use(() => {
      const server = `--server=unix:${folder}/slot-0/sound/io/native`;
      const format = ["--raw", "--format=s16le", `--rate=${RATE}`, "--channels=1", "--latency-msec=20"];
      const child = spawn("parec", [server, ...format], { stdio: ["ignore", "pipe", "inherit"] });
      running.push(child);
      let [beeps, samples, loud, peak] = [0, 0, false, 0];
      child.stdout.on("data", (data: Buffer) => {
        for (let at = 0; at + 1 < data.length; at += 2) {
          peak = Math.max(peak, Math.abs(data.readInt16LE(at)));
          if (++samples % (RATE / 10) !== 0) continue;
          if (peak > 1000 && !loud) beeps++;
          loud = peak > 1000;
          peak = 0;
        }
      });
      return { beeps: () => beeps, seconds: () => samples / RATE };
    });
    for (const child of running) child.kill("SIGKILL");
  },
});

test.use({
  launchOptions: async ({ launchOptions }, use) => {
    const args = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    await use({ ...launchOptions, args: [...(launchOptions.args ?? []), ...args] });
  },
});

test("apps hear what the browser's microphone hears, while it is on", async ({ page, up, toneapp, folder, record }, info) => {
  const nearlight = await up("--microphone", "--folder", folder, "--", toneapp);
  await play(page, nearlight);
  const recorder = record();
  await expect.poll(recorder.seconds, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(recorder.beeps()).toBe(0);
  const button = page.getByRole("button", { name: "Microphone" });
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await expect.poll(recorder.beeps, { timeout: 20_000 }).toBeGreaterThan(3);
  const text = await (await fetch(new URL("/metrics", nearlight.url))).text();
  const figures = text.split("\n").filter((line) => line.startsWith("nearlight_edge_microphone"));
  info.annotations.push({ type: "microphone", description: figures.join(", ") });

  await page.reload(); // the page begins without, and the session goes on
  await expect(button).toHaveAttribute("aria-pressed", "false", { timeout: 20_000 });
  const [before, since] = [recorder.beeps(), recorder.seconds()];
  await expect.poll(recorder.seconds, { timeout: 20_000 }).toBeGreaterThan(since + 3);
  expect(recorder.beeps() - before, "beeps while it is off").toBeLessThan(2);
  await button.click();
  await expect.poll(recorder.beeps, { timeout: 20_000 }).toBeGreaterThan(before + 3);
});

test("without the right there is no button, and apps record silence", async ({ page, up, toneapp, folder, record }) => {
  await play(page, await up("--folder", folder, "--", toneapp));
  const recorder = record();
  await expect.poll(recorder.seconds, { timeout: 20_000 }).toBeGreaterThan(2);
  expect(recorder.beeps()).toBe(0);
  await expect(page.getByRole("button", { name: "Full screen" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Microphone" })).toHaveCount(0);
});
