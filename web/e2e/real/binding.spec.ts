import type { Page } from "@playwright/test";
import { expect, test } from "./nearlight.js";

/** What signaling says, on its way to the page. */
type Said = {
  type: string;
  sdp?: string;
  edge?: { address: string; epoch: number };
  signature?: string;
  lease?: { slot: number };
};

/** Puts somebody between the page and signaling, who changes what signaling says; null keeps it back. */
async function between(page: Page, change: (said: Said) => Said | null): Promise<void> {
  await page.routeWebSocket(/\/signal\/player$/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      const changed = change(JSON.parse(String(text)));
      if (changed !== null) socket.send(JSON.stringify(changed));
    });
  });
}

test("a game is shown once its edge has shown that it is the one that the link trusts, and goes on after a reload", async ({
  page,
  up,
}) => {
  const { url } = await up("--bind", "--app", "scene");
  const signed: boolean[] = [];
  await page.routeWebSocket(/\/signal\/player$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const message = JSON.parse(String(text));
      if (message.type === "answer") signed.push(message.player !== undefined);
      server.send(text);
    });
  });
  await page.goto(`${url}&autoplay=1`);
  await page.locator(".stage.live").waitFor();
  const session = await page.evaluate(() => sessionStorage.getItem("nearlight.session"));
  await page.reload();
  await page.locator(".stage.live").waitFor();
  expect(await page.evaluate(() => sessionStorage.getItem("nearlight.session"))).toBe(session);
  expect(signed).toEqual([true, true]);
});

const stranger = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const lies: Readonly<Record<string, (said: Said) => Said | null>> = {
  "says that the edge has no key": (said) => {
    if (said.type === "offer") delete said.edge;
    return said;
  },
  "names another edge": (said) =>
    said.type !== "offer" || said.edge === undefined ? said : { ...said, edge: { ...said.edge, address: stranger } },
  "keeps the edge's signature back": (said) => (said.type === "bound" ? null : said),
  "signs in the edge's place": (said) => (said.type === "bound" ? { ...said, signature: `0x${"11".repeat(64)}1b` } : said),
  "changes the edge's lease": (said) =>
    said.lease === undefined ? said : { ...said, lease: { ...said.lease, slot: said.lease.slot + 1 } },
  "changes the edge's certificate": (said) =>
    said.type === "offer" && said.sdp !== undefined
      ? { ...said, sdp: said.sdp.replace(/(a=fingerprint:sha-256 )\S+/g, `$1${Array(32).fill("66").join(":")}`) }
      : said,
};

for (const [what, lie] of Object.entries(lies)) {
  test(`nothing is shown, and the page says why, when signaling ${what}`, async ({ page, up }) => {
    const { url } = await up("--bind", "--app", "scene");
    await between(page, lie);
    await page.goto(`${url}&autoplay=1`);
    await expect(page.getByRole("alert")).toContainText(/yours alone|another connection/, { timeout: 10_000 });
    expect(await page.evaluate(() => document.querySelector("video")?.srcObject ?? null)).toBeNull();
  });
}
