/** Sound, end to end: an app that plays a tone, the edge, and a browser that hears it. */
import type { Page } from "@playwright/test";
import { expect, play, test } from "./nearlight.js";

/** Keeps the page's connections and audio elements where a test finds them. */
async function overhear(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const heard = window as unknown as Overheard;
    heard.peers = [];
    heard.sounds = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        heard.peers.push(this);
      }
    };
    const create = document.createElement.bind(document);
    document.createElement = ((name: string, options?: ElementCreationOptions) => {
      const element = create(name, options);
      if (element instanceof HTMLAudioElement) heard.sounds.push(element);
      return element;
    }) as typeof document.createElement;
  });
}

interface Overheard {
  peers: RTCPeerConnection[];
  sounds: HTMLAudioElement[];
}

interface Received {
  readonly energy: number;
  readonly packets: number;
  readonly seconds: number;
  /** Milliseconds in the jitter buffer, on average. */
  readonly buffered: number;
  readonly concealed: number;
  readonly codec: string;
  readonly parameters: string;
}

/** What the newest connection says of the sound that it received. */
async function received(page: Page): Promise<Received | null> {
  return page.evaluate(async () => {
    const peer = (window as unknown as Overheard).peers.at(-1);
    const report = await peer?.getStats();
    let found = null;
    report?.forEach((stats) => {
      if (stats.type !== "inbound-rtp" || stats.kind !== "audio") return;
      const codec = report.get(stats.codecId);
      found = {
        energy: stats.totalAudioEnergy ?? 0,
        packets: stats.packetsReceived ?? 0,
        seconds: stats.totalSamplesDuration ?? 0,
        buffered: (1000 * (stats.jitterBufferDelay ?? 0)) / (stats.jitterBufferEmittedCount || 1),
        concealed: (stats.concealedSamples ?? 0) / (stats.totalSamplesReceived || 1),
        codec: codec?.mimeType ?? "",
        parameters: codec?.sdpFmtpLine ?? "",
      };
    });
    return found;
  });
}

/** Whether the page's sound would be heard, and whether it comes. */
async function audible(page: Page): Promise<string> {
  return page.evaluate(() => {
    const sound = (window as unknown as Overheard).sounds.at(-1);
    if (sound === undefined || sound.srcObject === null) return "nothing";
    return sound.paused ? "paused" : sound.muted ? "muted" : "heard";
  });
}

test("the browser receives what the app plays, and a reload hears it again", async ({ page, up, toneapp }, info) => {
  await overhear(page);
  const nearlight = await up("--", toneapp, "-hertz", "660");
  await play(page, nearlight);
  await page.locator("video").click();
  await expect.poll(() => audible(page)).toBe("heard");
  // Energy counts what is played: nothing while the page is muted.
  await expect.poll(async () => (await received(page))?.energy ?? 0, { timeout: 20_000 }).toBeGreaterThan(0.2);
  const now = await received(page);
  info.annotations.push({ type: "sound", description: JSON.stringify(now) });
  expect(now?.parameters).toContain("stereo=1");

  const speaker = page.getByRole("button", { name: "Sound" });
  await expect(speaker).toHaveAttribute("aria-pressed", "true");
  await speaker.click();
  await expect(speaker).toHaveAttribute("aria-pressed", "false");
  expect(await audible(page)).toBe("muted");
  await speaker.click();
  expect(await audible(page)).toBe("heard");

  await page.reload();
  await expect.poll(async () => (await received(page))?.packets ?? 0, { timeout: 20_000 }).toBeGreaterThan(100);
  await page.keyboard.press("Shift");
  await expect.poll(async () => (await received(page))?.energy ?? 0, { timeout: 20_000 }).toBeGreaterThan(0.05);
});

test("a page that starts by itself is muted until it is clicked", async ({ page, up, toneapp }) => {
  await overhear(page);
  const nearlight = await up("--", toneapp);
  await page.goto(`${nearlight.url}&autoplay=1`);
  await expect.poll(async () => (await received(page))?.packets ?? 0, { timeout: 20_000 }).toBeGreaterThan(100);
  expect(await audible(page)).toBe("muted");
  await page.locator("video").click();
  await expect.poll(() => audible(page)).toBe("heard");
  await expect(page.getByRole("button", { name: "Sound" })).toHaveAttribute("aria-pressed", "true");
});

test("sound that the browser refuses is muted, and comes with the next key", async ({ page, up, toneapp }) => {
  await overhear(page);
  await page.addInitScript(() => {
    const start = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
      const refused = this instanceof HTMLAudioElement && !this.muted && (window as unknown as { refuse?: boolean }).refuse;
      return refused ? Promise.reject(new DOMException("no gesture", "NotAllowedError")) : start.call(this);
    };
  });
  await play(page, await up("--", toneapp));
  await page.locator("video").click();
  await expect.poll(() => audible(page)).toBe("heard");
  const speaker = page.getByRole("button", { name: "Sound" });
  await page.evaluate(() => Object.assign(window, { refuse: true }));
  await speaker.click(); // off
  await speaker.click(); // on, which is refused
  await expect.poll(() => audible(page)).toBe("muted");
  await expect(speaker).toHaveAttribute("aria-pressed", "false");
  await page.evaluate(() => Object.assign(window, { refuse: false }));
  await page.keyboard.press("ArrowUp");
  await expect.poll(() => audible(page)).toBe("heard");
  await expect(speaker).toHaveAttribute("aria-pressed", "true");
});

test("without sound on the edge the page has no speaker, and the game plays", async ({ page, up, clickapp }) => {
  await overhear(page);
  await play(page, await up("--audio=false", "--", clickapp));
  await expect(page.getByRole("button", { name: "Sound" })).toHaveCount(0);
  expect(await received(page)).toBeNull();
});
