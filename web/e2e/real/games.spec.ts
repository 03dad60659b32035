/** The main job, end to end: the real program, real games, a real browser. */
import {
  alive,
  brightness,
  colours,
  DISPLAYS,
  descendants,
  expect,
  GRID,
  light,
  needs,
  play,
  test,
  watchCodecs,
  watchFormats,
} from "./nearlight.js";

for (const display of DISPLAYS) {
  test(`SuperTux plays on ${display}, and a key press moves the choice in its menu`, async ({ page, up }) => {
    needs(display);
    await play(page, await up("--display", display, "--app", "supertux"));
    // The bar behind the chosen line is the brightest part of the menu: of the first line, then of the second.
    const lines = async () =>
      (
        await colours(page, [
          [558 / 1279, 363 / 719],
          [558 / 1279, 387 / 719],
        ])
      ).map(brightness);
    await expect
      .poll(async () => ((await lines())[0] ?? 0) - ((await lines())[1] ?? 0), { timeout: 20_000 })
      .toBeGreaterThan(40);
    // A menu that is still unfolding takes no key: a player presses again.
    await expect(async () => {
      await page.keyboard.press("ArrowDown");
      await expect
        .poll(async () => ((await lines())[1] ?? 0) - ((await lines())[0] ?? 0), { timeout: 1_500 })
        .toBeGreaterThan(40);
    }).toPass({ timeout: 12_000 });
  });
}

test("the scene that comes with Nearlight answers a key", async ({ page, up }) => {
  await play(page, await up("--app", "scene"));
  await expect.poll(async () => Math.max(...(await colours(page, GRID)).flat())).toBeGreaterThan(150);
  await page.keyboard.press("F8");
  await expect(page.locator("nl-overlay")).toContainText("fps");
});

for (const display of DISPLAYS) {
  test(`on ${display} a click reaches the pixel under the pointer, and a key is down as long as it is held`, async ({
    page,
    up,
    clickapp,
  }) => {
    needs(display);
    await page.setViewportSize({ width: 1280, height: 800 }); // of another shape than the picture: there are bars
    await play(page, await up("--display", display, "--", clickapp));
    for (const [x, y] of [
      [100, 100],
      [1000, 600],
      [1270, 710],
    ] as const) {
      await page.mouse.click(x, y + 40); // the bar above is 40 pixels high
      const [inside, right, below] = [
        [x, y],
        [x + 14 > 1279 ? x - 14 : x + 14, y],
        [x, y + 14 > 719 ? y - 14 : y + 14],
      ].map(([px = 0, py = 0]) => [px / 1279, py / 719] as const);
      if (!inside || !right || !below) throw new Error("unreachable");
      await expect.poll(async () => (await colours(page, [inside]))[0]?.[0]).toBeGreaterThan(200);
      for (const [red] of await colours(page, [right, below])) expect(red).toBeLessThan(90);
    }
    await page.keyboard.down("KeyG");
    await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeGreaterThan(150);
    await page.keyboard.up("KeyG");
    await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeLessThan(60);
  });
}

test("the overlay shows figures of every stage", async ({ page, up, clickapp }) => {
  await play(page, await up("--", clickapp));
  await page.keyboard.press("F8");
  const overlay = page.locator("nl-overlay");
  await expect(overlay).toContainText("Drawn to shown");
  await expect(overlay).toContainText("x264");
  await expect(overlay).toContainText(/\d+(\.\d+)? ms/);
});

test("an app that ends tells the player why, with its last words", async ({ page, up, clickapp }) => {
  await play(page, await up("--", clickapp, "-exit-on-key"));
  await page.keyboard.press("KeyQ");
  const card = page.getByRole("alert");
  await expect(card).toContainText("status 3");
  await card
    .getByText(/last|output/i)
    .first()
    .click();
  await expect(card).toContainText("clickapp was told to end by key");
});

test("a player whose edge is killed is told within three seconds, and nothing of the edge is left", async ({
  page,
  up,
  clickapp,
}) => {
  const nearlight = await up("--", clickapp);
  await play(page, nearlight);
  const below = descendants(nearlight.process.pid ?? 0);
  expect(below.length).toBeGreaterThan(2);
  nearlight.process.kill("SIGKILL");
  await expect(page.locator("nl-play .ring, [role=alert]").first()).toBeVisible({ timeout: 3_000 });
  await expect.poll(() => below.filter(alive)).toEqual([]);
});

test("a second player on a full edge waits in line, and plays once the first has left", async ({
  page,
  context,
  up,
  clickapp,
}) => {
  const nearlight = await up("--", clickapp);
  await play(page, nearlight);
  const second = await context.newPage();
  await second.goto(`${nearlight.url}&autoplay=1`);
  await expect(second.getByText("you are next in line")).toBeVisible();
  await page.close();
  await second.bringToFront();
  await expect(async () => {
    expect(await second.locator("video").evaluate((video: HTMLVideoElement) => video.videoWidth)).toBe(1280);
    expect(await second.getByRole("alert").count()).toBe(0);
  }).toPass({ timeout: 20_000 });
});

test("a link with a bad token says what to do", async ({ page, up, clickapp }) => {
  const nearlight = await up("--", clickapp);
  await page.goto(nearlight.url.replace(/.{6}$/, "AAAAAA"));
  await expect(page.getByRole("alert")).toContainText(/link/i);
});

for (const { encoder, codec } of [
  { encoder: "x264", codec: "H264" },
  { encoder: "openh264", codec: "H264" },
  { encoder: "vp8", codec: "VP8" },
  { encoder: "vp9", codec: "VP9" },
  { encoder: "av1", codec: "AV1" },
]) {
  test(`${encoder} plays`, async ({ page, up, clickapp }) => {
    const received = watchCodecs(page);
    await play(page, await up("--encoder", encoder, "--size", "640x360", "--", clickapp));
    await page.keyboard.down("KeyG");
    await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeGreaterThan(150);
    expect(await received()).toEqual([`video/${codec}`]);
  });
}

test("with --chroma 444 a browser that decodes it gets the picture in 4:4:4", async ({ page, up, clickapp }) => {
  const received = watchFormats(page);
  await play(page, await up("--chroma", "444", "--", clickapp));
  await page.keyboard.down("KeyG");
  await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeGreaterThan(150);
  expect((await received())[0]?.sdpFmtpLine).toMatch(/profile-level-id=f400/);
});

test("with --chroma 444 a browser that does not decode it gets 4:2:0", async ({ page, up, clickapp }) => {
  const received = watchFormats(page);
  await page.addInitScript(() => {
    const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
    RTCRtpReceiver.getCapabilities = (kind) => {
      const known = all(kind);
      return known && { ...known, codecs: known.codecs.filter((codec) => !codec.sdpFmtpLine?.includes("id=f400")) };
    };
  });
  await play(page, await up("--chroma", "444", "--", clickapp));
  await page.keyboard.down("KeyG");
  await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeGreaterThan(150);
  expect((await received())[0]?.sdpFmtpLine).toMatch(/profile-level-id=42/);
});

test("a stream in 4:4:4 goes on in 4:2:0 when its GPU is lost and the next encoder has no other", async ({
  page,
  up,
  nvidia,
}) => {
  const lost = "FAKEDRIVER_FAULT=device-lost:150";
  await play(page, await up(lost, ...light, "--nvidia-libraries", nvidia, "--encoder", "nvenc,openh264", "--chroma", "444"));
  await page.keyboard.press("F8");
  await expect(page.locator("nl-overlay")).toContainText("openh264, 60 fps", { timeout: 30_000 });
  const shown = () =>
    page.locator("video").evaluate((video: HTMLVideoElement) => video.getVideoPlaybackQuality().totalVideoFrames);
  const before = await shown();
  await expect.poll(shown).toBeGreaterThan(before + 30);
  expect(Math.max(...(await colours(page, GRID)).flat())).toBeGreaterThan(150);
});

for (const { next, codec } of [
  { next: "x264", codec: "H264" },
  { next: "vp8", codec: "VP8" },
]) {
  test(`a GPU that is lost in the middle of the game is replaced by ${next}`, async ({ page, up, nvidia }) => {
    const received = watchCodecs(page);
    const lost = "FAKEDRIVER_FAULT=device-lost:150";
    await play(page, await up(lost, ...light, "--nvidia-libraries", nvidia, "--encoder", `nvenc,${next}`));
    await page.keyboard.press("F8");
    const overlay = page.locator("nl-overlay");
    await expect(overlay).toContainText("nvenc failed (encode: nvenc: the GPU was lost", { timeout: 30_000 });
    await expect(overlay).toContainText(`${next}, 60 fps`);
    const shown = () =>
      page.locator("video").evaluate((video: HTMLVideoElement) => video.getVideoPlaybackQuality().totalVideoFrames);
    const before = await shown();
    await expect.poll(shown).toBeGreaterThan(before + 30);
    expect(Math.max(...(await colours(page, GRID)).flat())).toBeGreaterThan(150);
    expect(await received()).toEqual([`video/${codec}`]);
  });
}

test("who looks on sees the game, and their keys do nothing", async ({ page, context, up, clickapp }) => {
  const nearlight = await up("--", clickapp);
  await play(page, nearlight);
  const session = await page.evaluate(() => sessionStorage.getItem("nearlight.session"));
  const spectator = await context.newPage();
  await play(spectator, nearlight, `&watch=${session}`);
  const green = async (seen: typeof page) => (await colours(seen, [[0.5, 0.2]]))[0]?.[1] ?? 0;
  await spectator.keyboard.down("KeyG");
  await spectator.keyboard.up("KeyG");
  await page.bringToFront();
  expect(await green(page)).toBeLessThan(60);
  await page.keyboard.down("KeyG");
  await expect.poll(() => green(page)).toBeGreaterThan(150);
  await spectator.bringToFront();
  await expect.poll(() => green(spectator)).toBeGreaterThan(150);
  await page.close(); // the player may come back for some seconds
  await expect(spectator.getByRole("alert")).toContainText("over", { timeout: 15_000 });
});
