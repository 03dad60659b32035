/** A player whose firewall lets nothing through but a TURN server. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
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
