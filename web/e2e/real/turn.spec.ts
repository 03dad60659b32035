/** A player whose firewall lets nothing through but a TURN server. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "@playwright/test";
import { colours, expect, play, test } from "./nearlight.js";

const root = resolve(fileURLToPath(import.meta.url), "../../../..");

interface TurnServer {
  readonly udp: string;
  readonly tcp: string;
  readonly tls: string;
  readonly username: string;
  readonly credential: string;
}

for (const way of ["udp", "tcp", "tls"] as const) {
  test(`a game plays through a TURN server over ${way.toUpperCase()} alone`, async ({ up, clickapp, launchOptions }) => {
    const folder = mkdtempSync(join(tmpdir(), "nearlight-turn-"));
    execFileSync("go", ["build", "-o", join(folder, "serve"), "./internal/turntest/serve"], {
      cwd: root,
      env: { ...process.env, CGO_ENABLED: "0" },
    });
    const server = spawn(join(folder, "serve"), { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(server, "exit");
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const turn = JSON.parse(line.toString()) as TurnServer;
    const file = join(folder, "ice.yaml");
    writeFileSync(file, JSON.stringify([{ urls: [turn[way]], username: turn.username, credential: turn.credential }]));
    // The server's certificate is its own.
    const browser = await chromium.launch({
      ...launchOptions,
      args: [...(launchOptions.args ?? []), "--ignore-certificate-errors"],
    });
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.addInitScript(() => {
      window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(configuration?: RTCConfiguration) {
          super({ ...configuration, iceTransportPolicy: "relay" });
          Object.assign(window, { connection: this });
        }
      };
    });
    const nearlight = await up("--ice-servers", file, "--", clickapp);
    let said = "";
    nearlight.process.stderr?.on("data", (data) => {
      said += data;
    });
    await play(page, nearlight);
    await page.keyboard.down("KeyG");
    await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeGreaterThan(150);
    await page.keyboard.up("KeyG");
    await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeLessThan(60);
    const used = await page.evaluate(async () => {
      const report = await (window as unknown as { connection: RTCPeerConnection }).connection.getStats();
      for (const entry of report.values()) {
        const pair = entry as RTCIceCandidatePairStats & { nominated?: boolean };
        if (entry.type !== "candidate-pair" || !pair.nominated || pair.state !== "succeeded") continue;
        const local = report.get(pair.localCandidateId) as { candidateType: string; relayProtocol: string };
        return [local.candidateType, local.relayProtocol];
      }
      return null;
    });
    expect(used).toEqual(["relay", way]);
    expect(said).not.toContain(turn.credential);
    await browser.close();
    server.stdin.end();
    await ended;
    rmSync(folder, { recursive: true });
  });
}

/** What the page's connection uses: the way, and every address that it was told of its edge. */
async function usedBy(page: Page): Promise<{ local: string; remote: string[] }> {
  return page.evaluate(async () => {
    const report = await (window as unknown as { connection: RTCPeerConnection }).connection.getStats();
    let local = "";
    const remote: string[] = [];
    for (const entry of report.values()) {
      if (entry.type === "remote-candidate") remote.push((entry as { address: string }).address);
      const pair = entry as RTCIceCandidatePairStats;
      if (entry.type !== "candidate-pair" || !pair.nominated || pair.state !== "succeeded") continue;
      local = (report.get(pair.localCandidateId) as { candidateType: string }).candidateType;
    }
    return { local, remote };
  });
}

for (const hidden of [true, false]) {
  test(`a game plays through our own TURN server${hidden ? ", which hides the edge" : ""}`, async ({ up, clickapp, page }) => {
    await page.addInitScript((hidden) => {
      window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(configuration?: RTCConfiguration) {
          super(hidden ? configuration : { ...configuration, iceTransportPolicy: "relay" });
          Object.assign(window, { connection: this });
        }
      };
    }, hidden);
    const nearlight = await up("--turn-listen", "127.0.0.1:0", ...(hidden ? ["--relay-only"] : []), "--", clickapp);
    await play(page, nearlight);
    await page.keyboard.down("KeyG");
    await expect.poll(async () => (await colours(page, [[0.5, 0.2]]))[0]?.[1]).toBeGreaterThan(150);
    await page.keyboard.up("KeyG");
    const used = await usedBy(page);
    expect(used.local).toBe("relay");
    if (hidden) for (const address of used.remote) expect(address).toMatch(/^(192\.0\.2\.\d+|2001:db8::\d+)$/);
    expect(used.remote).not.toHaveLength(0);
    const metrics = await (await page.request.get(new URL("/metrics", nearlight.url).href)).text();
    expect(Number(/^nearlight_turn_relayed_bytes_total\{direction="to-player"\} (\S+)$/m.exec(metrics)?.[1])).toBeGreaterThan(
      10000,
    );
  });
}
