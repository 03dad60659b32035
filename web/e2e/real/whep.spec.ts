/** Somebody else's page looks on by WHEP, with a browser's own offer and none of our code. */
import { expect, play, test } from "./nearlight.js";

test("a browser looks on by WHEP alone", async ({ page, context, browser, up }) => {
  const nearlight = await up("--app", "scene");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await play(page, nearlight);
  await page.getByRole("button", { name: "Share" }).click();
  await expect(page.getByText("Link copied.")).toBeVisible();
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  const given = new URLSearchParams(link.hash.slice(1));

  const elsewhere = await browser.newContext();
  const spectator = await elsewhere.newPage();
  await spectator.goto(new URL("/healthz", link).href); // a page of the same origin, with nothing on it
  const created = await spectator.evaluate(
    async ({ session, token }) => {
      const peer = new RTCPeerConnection();
      Object.assign(window, { peer });
      for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
      await peer.setLocalDescription();
      const gathered = new Promise<void>((resolve) => {
        peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
        if (peer.iceGatheringState === "complete") resolve();
      });
      await gathered;
      const response = await fetch(`/whep/${session}`, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
        body: peer.localDescription?.sdp ?? "",
      });
      const sdp = await response.text();
      if (response.status === 201) await peer.setRemoteDescription({ type: "answer", sdp });
      return { status: response.status, sdp, location: response.headers.get("Location") };
    },
    { session: given.get("watch"), token: given.get("token") },
  );
  expect(created.status, created.sdp).toBe(201);
  const decoded = () =>
    spectator.evaluate(async () => {
      const report = await (window as unknown as { peer: RTCPeerConnection }).peer.getStats();
      for (const entry of report.values())
        if (entry.type === "inbound-rtp" && entry.kind === "video") return entry.framesDecoded as number;
      return 0;
    });
  await expect.poll(decoded, { timeout: 20_000 }).toBeGreaterThan(30);
  const deleted = await spectator.evaluate(
    async ({ location, token }) =>
      (await fetch(location ?? "", { method: "DELETE", headers: { Authorization: `Bearer ${token}` } })).status,
    { location: created.location, token: given.get("token") },
  );
  expect(deleted).toBe(200);
  await elsewhere.close();
});
