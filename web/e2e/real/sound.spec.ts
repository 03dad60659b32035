/**
 * Sound, end to end: an app that plays a tone, the edge, and a browser that hears it: by an audio element, as browsers do that cannot have
 * it past their own buffer, and past it.
 */
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

/** Has the page leave sound to the browser's own buffer. */
const BROWSER = "&sound=browser";

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
  await play(page, nearlight, BROWSER);
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
  await page.goto(`${nearlight.url}&autoplay=1${BROWSER}`);
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
  await play(page, await up("--", toneapp), BROWSER);
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

/** Keeps what plays past the browser's buffer where a test finds it. */
async function overhearDirect(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.AudioWorkletNode = class extends AudioWorkletNode {
      constructor(context: BaseAudioContext, name: string, options?: AudioWorkletNodeOptions) {
        super(context, name, options);
        const analyser = context.createAnalyser();
        this.connect(analyser);
        Object.assign(window, { direct: { node: this, context, analyser } });
      }
    };
  });
}

interface Direct {
  readonly node: AudioWorkletNode;
  readonly context: AudioContext;
  readonly analyser: AnalyserNode;
}

/** What plays past the browser's buffer: whether it runs, its loudest frequency in hertz, and its figures. */
async function direct(page: Page): Promise<{ readonly state: string; readonly hertz: number; readonly figures: unknown }> {
  return page.evaluate(async () => {
    const found = (window as unknown as { direct?: Direct }).direct;
    if (found === undefined) return { state: "none", hertz: 0, figures: null };
    const { node, context, analyser } = found;
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const loudest = bins.reduce((most, level, at) => (level > (bins[most] ?? 0) ? at : most), 0);
    const hertz = (bins[loudest] ?? -200) > -60 ? (loudest * context.sampleRate) / analyser.fftSize : 0;
    const figures = await new Promise((resolve) => {
      node.port.onmessage = ({ data }) => resolve(data);
      node.port.postMessage("figures");
    });
    return { state: context.state, hertz, figures };
  });
}

test("sound passes by the browser's buffer where it can, muted until a click, and by the button", async ({
  page,
  up,
  toneapp,
}, info) => {
  await overhear(page);
  await overhearDirect(page);
  await play(page, await up("--", toneapp, "-hertz", "660"));
  await expect.poll(async () => (await received(page))?.packets ?? 0, { timeout: 20_000 }).toBeGreaterThan(50);
  expect((await direct(page)).hertz).toBe(0);
  const speaker = page.getByRole("button", { name: "Sound" });
  await expect(speaker).toHaveAttribute("aria-pressed", "false");
  await page.locator("video").click();
  const heard = async () => Math.round((await direct(page)).hertz / 60) * 60;
  await expect.poll(heard, { timeout: 20_000 }).toBe(660);
  await expect(speaker).toHaveAttribute("aria-pressed", "true");
  expect(await audible(page), "the element would be heard as well").toBe("muted");
  await page.waitForTimeout(5_000);
  info.annotations.push({ type: "direct sound", description: JSON.stringify(await direct(page)) });

  await speaker.click();
  await expect.poll(async () => (await direct(page)).state).toBe("suspended");
  await speaker.click();
  await expect.poll(heard, { timeout: 20_000 }).toBe(660);

  await page.reload();
  await expect.poll(async () => (await received(page))?.packets ?? 0, { timeout: 20_000 }).toBeGreaterThan(50);
  await page.keyboard.press("Shift");
  await expect.poll(heard, { timeout: 20_000 }).toBe(660);
});

test("where the way past the buffer cannot be had, the browser's own is taken", async ({ page, up, toneapp }) => {
  await overhear(page);
  await page.route("**/direct-*.js", (route) => route.abort());
  await play(page, await up("--", toneapp, "-hertz", "660"));
  await page.locator("video").click();
  await expect.poll(() => audible(page)).toBe("heard");
  await expect.poll(async () => (await received(page))?.energy ?? 0, { timeout: 20_000 }).toBeGreaterThan(0.05);
});

test("where the way past the buffer fails later, what it took goes to the browser's own", async ({ page, up, toneapp }) => {
  await overhear(page);
  await page.route("**/direct-*.js", async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace('codec: "opus"', 'codec: "none"');
    await route.fulfill({ response, body });
  });
  await play(page, await up("--", toneapp, "-hertz", "660"));
  await page.locator("video").click();
  await expect.poll(() => audible(page), { timeout: 20_000 }).toBe("heard");
  await expect.poll(async () => (await received(page))?.energy ?? 0, { timeout: 20_000 }).toBeGreaterThan(0.05);
});
