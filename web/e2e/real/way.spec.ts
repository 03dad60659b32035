/** A player whose network goes away and comes back as another one: from Wi-Fi to mobile, say. */
import { execFileSync } from "node:child_process";
import { availableParallelism, loadavg, networkInterfaces } from "node:os";
import { colours, descendants, expect, play, test } from "./nearlight.js";
import { travel } from "./way.js";

for (const [what, all, seconds] of [
  ["its edge alone", false, 2.2],
  ["everything", true, 4],
] as const) {
  test(`a page that loses its way to ${what} shows a moving picture within 2 s of another, of the same app`, async ({
    page,
    up,
    clickapp,
  }) => {
    const journey = await travel(page);
    const nearlight = await up("--", clickapp);
    await play(page, nearlight);
    await page.locator("video").evaluate((video: HTMLVideoElement) => {
      const shown = { at: 0 };
      Object.assign(window, { shown });
      const step = (now: number) => {
        shown.at = now;
        video.requestVideoFrameCallback(step);
      };
      video.requestVideoFrameCallback(step);
    });
    const green = async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1] ?? 0;
    const app = running(nearlight.process.pid, clickapp);
    expect(app).toHaveLength(1);
    const times: number[] = [];
    // A machine that is busy with something else may be late once, and one that is drowned in work each time.
    const most = (loadavg()[0] ?? 0) > 2 * availableParallelism() ? 15_000 : 2_000;
    while (times.length < 3 && !times.some((took) => took < most)) {
      await page.keyboard.down("KeyG");
      await expect.poll(green).toBeGreaterThan(150);
      journey.cut(all);
      await page.waitForTimeout(500);
      await page.keyboard.up("KeyG"); // the edge does not hear of it
      await page.waitForTimeout(seconds * 1000 - 500);
      await journey.arrive();
      const arrived = await page.evaluate(() => performance.now());
      const shown = await page.waitForFunction(
        (since) => {
          const { shown } = window as unknown as { shown: { at: number } };
          return shown.at > since ? shown.at : null;
        },
        arrived,
        { polling: 20, timeout: 20_000 },
      );
      times.push(((await shown.jsonValue()) ?? 0) - arrived);
      await expect(page.getByRole("heading", { name: "Reconnecting…" })).toHaveCount(0);
      await expect.poll(green, { message: "the key that was let go of meanwhile is not stuck" }).toBeLessThan(60);
      await page.keyboard.down("KeyG");
      await expect.poll(green, { timeout: 10_000, intervals: [20] }).toBeGreaterThan(150);
      const answered = (await page.evaluate(() => performance.now())) - arrived;
      console.log(`picture after ${times.at(-1)?.toFixed(0)} ms, a key answered after ${answered.toFixed(0)} ms`);
      await page.keyboard.up("KeyG");
      await expect.poll(green).toBeLessThan(60);
    }
    expect(Math.min(...times)).toBeLessThan(most);
    expect(running(nearlight.process.pid, clickapp)).toEqual(app);
    journey.close();
  });
}

/** The processes below one that run a program. */
function running(pid: number | undefined, program: string): number[] {
  const name = program.slice(program.lastIndexOf("/") + 1);
  return descendants(pid ?? 0).filter(
    (child) => execFileSync("ps", ["-o", "comm=", "-p", String(child)], { encoding: "utf8" }).trim() === name,
  );
}

test("a page that is served over IPv6 plays over IPv6", async ({ page, up, clickapp }) => {
  test.skip(!hasIPv6(), "SKIPPED: this machine has no IPv6 loopback");
  await page.addInitScript(() => {
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        Object.assign(window, { connection: this });
      }
      override async addIceCandidate(init?: RTCIceCandidateInit | null): Promise<void> {
        if (init?.candidate?.includes(" ::1 ")) await super.addIceCandidate(init);
      }
    };
  });
  const nearlight = await up("--listen", "[::1]:0", "--", clickapp);
  expect(nearlight.url).toContain("http://[::1]:");
  await play(page, nearlight);
  const green = async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1] ?? 0;
  await page.keyboard.down("KeyG");
  await expect.poll(green).toBeGreaterThan(150);
  const address = await page.evaluate(async () => {
    const report = await (window as unknown as { connection: RTCPeerConnection }).connection.getStats();
    for (const entry of report.values()) {
      if (entry.type === "candidate-pair" && entry.nominated) return report.get(entry.remoteCandidateId)?.address;
    }
  });
  expect(address).toBe("::1");
});

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));
}
