import { expect, test } from "./fake/test.js";

test("the on-screen controls are the game's keys, and nothing lies outside the screen", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await page.goto(`${origin}/#token=a.b.c&app=supertux2`);
  await page.getByRole("button", { name: "Play" }).tap();
  const jump = page.getByRole("button", { name: "Jump" });
  await jump.waitFor();
  await jump.tap();
  const keys = () => page.evaluate(() => window.fakeEdge.received.filter((m) => m.type === 0x10).map((m) => m.hex.slice(10)));
  await expect.poll(keys).toEqual(["010039", "000039"]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  for (const part of [jump, page.getByRole("img", { name: "Directions" }), page.locator("video")]) {
    const box = await part.boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(390);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(844);
  }
});

test("a tap on the picture is a click there", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await page.goto(`${origin}/#token=a.b.c&app=supertux2&autoplay=1`);
  await page.locator("nl-pad").waitFor();
  const box = await page.locator("video").boundingBox();
  await page.touchscreen.tap(195, (box?.y ?? 0) + 100);
  const buttons = () =>
    page.evaluate(() => window.fakeEdge.received.filter((m) => m.type === 0x11).map((m) => m.hex.slice(10, 16)));
  await expect.poll(buttons).toEqual(["010001", "000001"]);
});
