import { expect, test } from "./fake/test.js";

const SHOTS = process.env["SHOTS"];

test("a click on Share copies a link that looks on at this session and holds no other right", async ({
  page,
  context,
  serve,
  fake,
}, info) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { origin } = await serve();
  await fake({ share: "watch.only.token" });
  await page.goto(`${origin}/#token=a.b.c&app=scene&autoplay=1`);
  await page.locator(".stage.live").waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  await expect(page.getByText("Link copied.")).toBeVisible();
  if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${info.project.name}-11-shared.png` });
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${origin}/#token=watch.only.token&watch=s-fake`);
});

test("where the browser does not let the page copy, the link is there to be copied by hand", async ({
  page,
  serve,
  fake,
}, info) => {
  const { origin } = await serve();
  await fake({ share: "watch.only.token" });
  await page.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await page.goto(`${origin}/#token=a.b.c&app=scene&autoplay=1`);
  await page.getByRole("button", { name: "Share" }).click();
  await expect(page.getByLabel("This link shows your game")).toHaveValue(`${origin}/#token=watch.only.token&watch=s-fake`);
  if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${info.project.name}-12-share-by-hand.png` });
});

test("there is nothing to share where signaling signs nothing", async ({ page, serve, fake }) => {
  const { origin } = await serve();
  await fake();
  await page.goto(`${origin}/#token=a.b.c&app=scene&autoplay=1`);
  await page.locator(".stage.live").waitFor();
  await expect(page.getByRole("button", { name: "Full screen" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Share" })).toHaveCount(0);
});

test("whoever opens a shared link is told that they look on, and has nothing to share", async ({ page, serve, fake }, info) => {
  const { origin } = await serve();
  await fake({ share: "watch.only.token" });
  await page.goto(`${origin}/#token=a.b.c&app=scene&watch=s-other`);
  await expect(page.getByRole("heading", { name: "Lantern Bay" })).toBeVisible();
  await expect(page.getByText("You look on while somebody plays.")).toBeVisible();
  if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${info.project.name}-13-look-on.png` });
  await page.getByRole("button", { name: "Watch" }).click();
  await page.locator(".stage.live").waitFor();
  await expect(page.getByRole("button", { name: "Share" })).toHaveCount(0);
});
