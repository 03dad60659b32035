/** The microphone's button, on a page whose edge is a fake: its states, and what the player is told. */
import { expect, test } from "./fake/test.js";

const SHOTS = process.env["SHOTS"];

test.use({
  launchOptions: async ({ launchOptions }, use) => {
    await use({ ...launchOptions, args: [...(launchOptions.args ?? []), "--use-fake-device-for-media-stream"] });
  },
});

test("the button turns the microphone on and off, and the device with it", async ({ page, context, serve, fake }, info) => {
  await context.grantPermissions(["microphone"]);
  const { origin } = await serve();
  await fake({ microphone: true });
  await page.addInitScript(() => {
    const devices = navigator.mediaDevices;
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await open(constraints);
      Object.assign(window, { given: stream.getAudioTracks()[0] });
      return stream;
    };
  });
  await page.goto(`${origin}/#token=a.b.c&app=scene&autoplay=1`);
  await page.locator(".stage.live").waitFor();
  const button = page.getByRole("button", { name: "Microphone" });
  await expect(button).toHaveAttribute("aria-pressed", "false");
  const state = () => page.evaluate(() => (window as unknown as { given?: MediaStreamTrack }).given?.readyState ?? "none");
  expect(await state()).toBe("none");
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await expect(button).toHaveAttribute("title", /hears you/);
  expect(await state()).toBe("live");
  if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${info.project.name}-14-microphone.png` });
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  expect(await state()).toBe("ended");
});

test("a browser that does not give a microphone is named as the reason", async ({ page, context, serve, fake }, info) => {
  await context.clearPermissions();
  const { origin } = await serve();
  await fake({ microphone: true });
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await page.goto(`${origin}/#token=a.b.c&app=scene&autoplay=1`);
  const button = page.getByRole("button", { name: "Microphone" });
  await button.click();
  await expect(page.getByText("does not let this page use your microphone")).toBeVisible();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${info.project.name}-15-microphone-refused.png` });
});

test("where the game does not hear its player there is no button", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await page.goto(`${origin}/#token=a.b.c&app=scene&autoplay=1`);
  await page.locator(".stage.live").waitFor();
  await expect(page.getByRole("button", { name: "Full screen" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Microphone" })).toHaveCount(0);
});
