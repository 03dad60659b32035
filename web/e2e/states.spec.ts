import { expect, test } from "./fake/test.js";

const SHOTS = process.env["SHOTS"];

test("each state, for the eye", async ({ page, serve, fake }, info) => {
  const shot = (name: string) => page.screenshot({ path: `${SHOTS}/${info.project.name}-${name}.png` });
  const { origin } = await serve();
  await fake({ startMs: 900, loadMs: 800 });
  await page.goto(`${origin}/#token=a.b.c`);
  await page.getByRole("button", { name: "Play SuperTux" }).waitFor();
  await page.waitForTimeout(300);
  await shot("1-picker");
  await page.getByRole("button", { name: "Install" }).click();
  await page.waitForTimeout(500);
  await shot("2-installing");
  await page.getByRole("button", { name: "Play SuperTux" }).click();
  await page.waitForTimeout(600);
  await shot("3-connecting");
  await page.getByText("loading").waitFor();
  await shot("4-loading");
  await page.locator(".stage.live").waitFor();
  await page.waitForTimeout(1200);
  await shot("5-playing");
  await page.keyboard.press("F8");
  await page.waitForTimeout(2500);
  await shot("6-overlay");
  const link = { state: "draining", cause: "queueing", target_bps: 2.1e6, capacity_bps: 2.6e6, queue_ms: 143, loss: 0.01 };
  await page.evaluate((link) => window.fakeEdge.tell({ stages: {}, bitrate_bps: 2e6, frames: 60, dropped: 0, link }), link);
  await page.locator("nl-overlay .cause").waitFor();
  await shot("6b-overlay-cause");
  await page.keyboard.press("F8");
  await page.locator(".cause").waitFor();
  await page.waitForTimeout(500);
  await shot("6c-cause");
  await page.evaluate(() => {
    window.fakeEdge.restarts = "fail";
    window.fakeEdge.resumable = false;
    window.fakeEdge.vanish("alive");
  });
  await page.getByText("Reconnecting").waitFor();
  await page.waitForTimeout(2500);
  await shot("7-reconnecting");
  await page.evaluate(() => {
    window.fakeEdge.end(
      { code: "app-exited", message: "The game ended with exit status 1.", hint: "Start it again to go on.", retryable: true },
      ["[INFO] video: 1280x720", "[FATAL] main: no level given", "terminate called without an active exception"],
    );
  });
  await page.getByRole("alert").waitFor();
  await page.getByText("The last lines").click();
  await page.waitForTimeout(300);
  await shot("8-ended");
});

test("an error, for the eye", async ({ page, serve, fake }, info) => {
  const { origin } = await serve();
  await fake({
    refuse: {
      code: "full",
      message: "Every machine that has this game is in use.",
      hint: "Try again when a player has left.",
      retryable: true,
    },
  });
  await page.goto(`${origin}/#token=a.b.c&app=supertux2`);
  const play = page.getByRole("button", { name: "Play" });
  await play.waitFor();
  await page.waitForTimeout(300);
  await page.screenshot({ path: `${SHOTS}/${info.project.name}-9-ready.png` });
  await play.click();
  await expect(page.getByRole("alert")).toContainText("in use");
  await page.screenshot({ path: `${SHOTS}/${info.project.name}-10-error.png` });
});
