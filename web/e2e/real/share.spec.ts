/** A player shares a link, and whoever opens it sees the game and can do nothing else. */
import { colours, expect, light, play, test } from "./nearlight.js";

test("the link that a player copies shows the game as it moves, to as many as open it, and lets nobody play", async ({
  page,
  context,
  browser,
  up,
  clickapp,
}) => {
  const nearlight = await up("--", clickapp);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await play(page, nearlight);
  await page.getByRole("button", { name: "Share" }).click();
  await expect(page.getByText("Link copied.")).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(new URL(link).origin).toBe(new URL(nearlight.url).origin);
  expect(link).not.toContain(new URL(nearlight.url).hash.slice("#token=".length));

  const elsewhere = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const spectator = await elsewhere.newPage();
  await spectator.goto(link);
  await expect(spectator.getByText("You look on while somebody plays.")).toBeVisible();
  await spectator.getByRole("button", { name: "Watch" }).click();
  const green = async (seen: typeof page) => (await colours(seen, [[0.5, 0.2]]))[0]?.[1] ?? 0;
  await expect.poll(() => spectator.locator("video").evaluate((video: HTMLVideoElement) => video.videoWidth)).toBe(1280);
  await expect(spectator.getByRole("button", { name: "Share" })).toHaveCount(0);

  await spectator.keyboard.down("KeyG"); // nothing comes of it
  await expect.poll(() => green(spectator)).toBeLessThan(60);
  await spectator.keyboard.up("KeyG");
  for (const again of [1, 2]) {
    await page.bringToFront();
    await page.keyboard.down("KeyG");
    await expect.poll(() => green(spectator), { message: `bright, time ${again}` }).toBeGreaterThan(150);
    await page.keyboard.up("KeyG");
    await expect.poll(() => green(spectator), { message: `dark, time ${again}` }).toBeLessThan(60);
  }

  // The token is good for nothing else.
  const taker = await elsewhere.newPage();
  await taker.goto(link.replace(/&watch=[^&]*/, "&autoplay=1"));
  await expect(taker.getByRole("alert")).toContainText("does not allow playing");
  await elsewhere.close();
});

test("who looks on goes on seeing the game while the player's page reloads", async ({ page, context, browser, up }) => {
  const nearlight = await up(...light);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await play(page, nearlight);
  await page.getByRole("button", { name: "Share" }).click();
  await expect(page.getByText("Link copied.")).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const elsewhere = await browser.newContext();
  const spectator = await elsewhere.newPage();
  await spectator.goto(`${link}&autoplay=1`);
  await spectator.locator(".tools").waitFor();
  const shown = () =>
    spectator.locator("video").evaluate((video: HTMLVideoElement) => video.getVideoPlaybackQuality().totalVideoFrames);
  await page.goto("about:blank"); // signaling keeps the session for some seconds
  await page.waitForTimeout(500);
  const before = await shown();
  await expect.poll(shown, { timeout: 3_000 }).toBeGreaterThan(before + 20);
  await page.goBack();
  await page.locator(".stage.live").waitFor({ timeout: 15_000 });
  const after = await shown();
  await expect.poll(shown).toBeGreaterThan(after + 20);
  await elsewhere.close();
});
