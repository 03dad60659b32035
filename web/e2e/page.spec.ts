import type { Page } from "@playwright/test";
import { APPS, expect, test } from "./fake/test.js";

/** JSON in a token's middle part, as a JWT has it. */
function tokenFor(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;
}

/** The input messages of a type that the edge received, as hex. */
function received(page: Page, type: number): Promise<string[]> {
  return page.evaluate((wanted) => window.fakeEdge.received.filter((m) => m.type === wanted).map((m) => m.hex), type);
}

/** Counts the connections that are made in the page. */
async function watchConnections(page: Page): Promise<void> {
  await page.addInitScript(() => {
    Object.assign(window, { made: 0 });
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        (window as unknown as { made: number }).made++;
      }
    };
  });
}

function connections(page: Page): Promise<number> {
  return page.evaluate(() => (window as unknown as { made: number }).made);
}

async function playing(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/#token=${tokenFor({ app: "scene" })}&autoplay=1`);
  await page.locator(".tools").waitFor();
  await expect(page.locator(".loading")).toHaveCount(0);
}

test("the token leaves the address bar, and a reload still works", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await page.goto(`${origin}/#token=${tokenFor({})}`);
  await expect(page.getByRole("heading", { name: "What do you want to play?" })).toBeVisible();
  expect(page.url()).toBe(`${origin}/`);
  await page.reload();
  await expect(page.getByRole("button", { name: "Play SuperTux" })).toBeVisible();
});

test("a link without a token says that it is not whole", async ({ page, serve }) => {
  const { origin } = await serve();
  await page.goto(origin);
  await expect(page.getByRole("alert")).toContainText("everything after the #");
});

test("a catalogue of one game skips the picker", async ({ page, serve, fake }) => {
  const { origin } = await serve(APPS.slice(1, 2));
  await fake();
  await page.goto(`${origin}/#token=${tokenFor({})}`);
  await expect(page.getByRole("heading", { name: "SuperTux" })).toBeVisible();
  await page.getByRole("button", { name: "Play" }).click();
  await page.locator(".stage.live").waitFor();
  expect(await page.evaluate(() => document.fullscreenElement?.tagName)).toBe("NL-APP");
  await expect(page.locator(".hint")).toContainText("F8");
  await expect(page.locator(".tools")).toBeHidden(); // the picture's corners are the game's
});

test("autoplay begins without a click, and the picture moves", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  const time = () => page.locator("video").evaluate((video: HTMLVideoElement) => video.currentTime);
  const before = await time();
  await expect.poll(time).toBeGreaterThan(before);
});

test("keys reach the game by their place, are let go of on blur, and F8 stays the page's", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.keyboard.down("KeyW");
  await expect.poll(() => received(page, 0x10)).toEqual([expect.stringMatching(/^10.{8}010011$/)]);
  await page.evaluate(() => window.dispatchEvent(new Event("blur")));
  await expect.poll(() => received(page, 0x14)).toHaveLength(1);
  await page.keyboard.press("F8");
  await expect(page.locator("nl-overlay")).toContainText("fps");
  await expect(page.locator("nl-overlay")).toContainText("Drawn to shown");
  await page.keyboard.press("F8");
  await expect(page.locator("nl-overlay")).toHaveCount(0);
  expect(await received(page, 0x10)).toHaveLength(1);
});

test("a click names the pixel under it, within the bars of a picture of another shape", async ({ page, serve, fake }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.mouse.click(640, 20); // in the bar above: not in the picture
  await page.mouse.click(0, 40); // the picture's first pixel
  await page.mouse.click(1279, 759); // and its last
  const buttons = () => received(page, 0x11);
  await expect.poll(buttons).toHaveLength(4);
  const [first, , last] = await buttons();
  expect(first?.slice(10)).toBe("010001" + "00000000");
  const [x, y] = [Number.parseInt(last?.slice(16, 20) ?? "", 16), Number.parseInt(last?.slice(20) ?? "", 16)];
  expect(Math.round((x / 65535) * 1279)).toBe(1279);
  expect(Math.round((y / 65535) * 719)).toBe(719);
});

test("the game's pointer becomes the browser's", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  const cursor = () => page.locator("video").evaluate((video) => getComputedStyle(video).cursor);
  const png =
    "89504e470d0a1a0a0000000d4948445200000002000000010806000000f4227f8a0000000e49444154789c63f8cfc000420d000f7a037e77e97f970000000049454e44ae426082";
  await page.evaluate((octets) => window.fakeEdge.cursor(octets, 2, 1, 1, 0), [...Buffer.from(png, "hex")]);
  await expect.poll(cursor).toMatch(/^url\("blob:.*"\) 1 0, default$/);
  await page.evaluate(() => window.fakeEdge.cursor([], 0, 0, 0, 0));
  await expect.poll(cursor).toBe("none");
});

test("an edge that is gone is told within 3 s, with a way on", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.evaluate(() => window.fakeEdge.vanish("gone"));
  await expect(page.getByRole("alert")).toContainText("is gone", { timeout: 3_000 });
  await expect(page.getByRole("button", { name: "Try again" })).toBeFocused();
});

test("a machine that fails hands its player to another, and the page says why and how far the line is", async ({
  page,
  serve,
  fake,
}) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  const plays = await page.evaluate(() => window.fakeEdge.signaled.filter(({ type }) => type === "play"));
  expect(plays.at(-1)).toMatchObject({ wait: true });
  const reason = { code: "edge-gone", message: "The machine that ran your game is gone.", hint: "", retryable: true };
  await page.evaluate((why) => window.fakeEdge.move(why, 1_500), reason);
  await expect(page.getByText("The machine that ran your game is gone.")).toBeVisible();
  await expect(page.getByText("you are number 2 of 3 in line: about 2 min.")).toBeVisible();
  await expect(page.locator("nl-timeline")).toHaveCount(0, { timeout: 10_000 });
  await expect(page.locator(".screen canvas")).toBeHidden();
  await page.keyboard.press("KeyA");
  await expect.poll(async () => (await received(page, 0x10)).at(-1)).toMatch(/^10.{8}00001e$/);
});

test("a lost connection freezes the last frame, counts down and comes back", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.evaluate(() => {
    window.fakeEdge.restarts = "fail";
    window.fakeEdge.vanish("alive");
  });
  await expect(page.getByRole("heading", { name: "Reconnecting…" })).toBeVisible();
  await expect(page.locator(".ring text")).toHaveText(/^(30|2\d)$/);
  await expect(page.locator(".screen canvas")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Reconnecting…" })).toHaveCount(0, { timeout: 15_000 });
  await expect(page.locator(".screen canvas")).toBeHidden();
  const plays = await page.evaluate(() => window.fakeEdge.signaled.filter(({ type }) => type === "play"));
  expect(plays.at(-1)).toMatchObject({ resume: "s-fake" });
});

test("a connection that broke gets new ways, and stays the same one", async ({ page, serve, fake }) => {
  await watchConnections(page);
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.keyboard.down("KeyW");
  await page.evaluate(() => window.fakeEdge.vanish("alive"));
  const asked = () =>
    page.evaluate(() => window.fakeEdge.signaled.map(({ type }) => type).filter((type) => type === "restart"));
  await expect.poll(asked).toHaveLength(1);
  await expect(page.getByRole("heading", { name: "Reconnecting…" })).toHaveCount(0, { timeout: 3_000 });
  await expect(page.locator(".screen canvas")).toBeHidden();
  await page.keyboard.up("KeyW");
  await page.keyboard.press("KeyA");
  const keys = () => received(page, 0x10);
  await expect.poll(async () => (await keys()).at(-1)).toMatch(/^10.{8}00001e$/); // A is let go of
  expect(await connections(page)).toBe(2); // the page's, and the fake edge's
});

test("a connection that the edge has given up is made anew", async ({ page, serve, fake }) => {
  await watchConnections(page);
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.evaluate(() => {
    window.fakeEdge.restarts = "anew";
    window.fakeEdge.vanish("alive");
  });
  // That it is being made anew may be told for so short that nothing here sees it.
  await expect.poll(() => connections(page), { timeout: 8_000 }).toBe(4);
  await expect(page.getByRole("heading", { name: "Reconnecting…" })).toHaveCount(0, { timeout: 5_000 });
  await expect(page.locator(".screen canvas")).toBeHidden();
});

test("an edge that hears nothing is asked for new ways while the picture goes on", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.evaluate(() => window.fakeEdge.unheard());
  await expect.poll(() => page.evaluate(() => window.fakeEdge.signaled.some(({ type }) => type === "restart"))).toBe(true);
  await expect(page.getByRole("heading", { name: "Reconnecting…" })).toHaveCount(0);
});

test("what ails the game is told in words with its figures, and no longer than it lasts", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  const tell = (queue_ms: number) =>
    page.evaluate((link) => window.fakeEdge.tell({ stages: {}, bitrate_bps: 2e6, frames: 60, dropped: 0, link }), {
      state: "draining",
      cause: "queueing",
      target_bps: 2.1e6,
      capacity_bps: 2.6e6,
      queue_ms,
      loss: 0,
    });
  await tell(143);
  const cause = page.locator(".cause");
  await expect(cause).toContainText("Your network is full");
  await expect(cause).toContainText("143 ms in line · 2.1 Mbit/s pass");
  await page.keyboard.press("F8");
  await expect(page.locator("nl-overlay .cause")).toContainText("Your network is full");
  await expect(cause).toHaveCount(1); // not twice
  await tell(1);
  await expect(cause.filter({ hasText: "is full" })).toHaveCount(0, { timeout: 10_000 });

  await page.evaluate(() => {
    window.fakeEdge.restarts = "fail";
    window.fakeEdge.vanish("alive");
  });
  await expect(page.locator(".back .cause")).toContainText("The route to the machine is broken");
});

test("a server that restarts is asked for the same session again, while the picture goes on", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.evaluate(() => window.fakeEdge.drop());
  const plays = () => page.evaluate(() => window.fakeEdge.signaled.filter(({ type }) => type === "play"));
  await expect.poll(plays).toHaveLength(2);
  expect((await plays())[1]).toMatchObject({ resume: "s-fake", restart: true });
  await expect(page.locator(".screen canvas")).toBeHidden();
  await expect(page.getByRole("heading", { name: "Reconnecting…" })).toHaveCount(0);
  await page.keyboard.press("KeyW");
  await expect.poll(() => received(page, 0x10)).toHaveLength(2); // the connection carries input
});

test("a game that ends shows why and its last lines", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await playing(page, origin);
  await page.evaluate(() => {
    const reason = { code: "app-exited", message: "The game has ended.", hint: "Start it again.", retryable: true };
    window.fakeEdge.end(reason, ["no level given"]);
  });
  await expect(page.getByRole("heading", { name: "The game is over" })).toBeVisible();
  await page.getByText("The last lines that the game printed").click();
  await expect(page.locator("pre")).toHaveText("no level given");
});

test("a browser that decodes nothing we send is told so before anything is asked of the server", async ({
  page,
  serve,
  fake,
}) => {
  const { origin } = await serve();
  await fake();
  await page.addInitScript(() => {
    RTCRtpReceiver.getCapabilities = () => ({ codecs: [{ mimeType: "video/theora", clockRate: 90000 }], headerExtensions: [] });
  });
  await page.goto(`${origin}/#token=${tokenFor({ app: "scene" })}&autoplay=1`);
  await expect(page.getByRole("alert")).toContainText("decodes no video format");
  expect(await page.evaluate(() => window.fakeEdge.signaled)).toEqual([]);
});

test("an install shows its progress and then offers to play", async ({ page, serve, fake }) => {
  const catalogue = APPS.map((app) => ({ ...app }));
  const { origin } = await serve(catalogue);
  await fake();
  await page.goto(`${origin}/#token=${tokenFor({})}`);
  await page.getByRole("button", { name: "Install Extreme Tux Racer" }).click();
  await expect(page.getByRole("progressbar")).toBeVisible();
  for (const app of catalogue) Object.assign(app, { installed: true });
  await expect(page.getByRole("button", { name: "Play Extreme Tux Racer" })).toBeVisible();
});

test("the bench page reads markers and sees its own keys answered in the picture", async ({ page, serve, fake }) => {
  const { origin, posted } = await serve();
  await fake();
  await page.goto(`${origin}/bench.html#token=${tokenFor({})}&seconds=4&key=Space`);
  await expect(page.locator("#status")).toHaveText("done", { timeout: 20_000 });
  const report = JSON.parse(posted.get("/bench/report") ?? "null");
  expect(report.error).toBeNull();
  expect(report.clock.rtt_us).toBeGreaterThan(0);
  expect(report.inputs.length).toBeGreaterThan(5);
  const marked = report.frames.filter((frame: { marker: object | null }) => frame.marker !== null);
  expect(marked.length).toBeGreaterThan(report.frames.length / 2);
  const { seq, at } = report.inputs[2];
  const answer = marked.find((frame: { marker: { input: number } }) => frame.marker.input >= seq);
  expect(answer.presentation).toBeGreaterThan(at);
  test.info().annotations.push({ type: "reading", description: JSON.stringify(report.reading) });
});
