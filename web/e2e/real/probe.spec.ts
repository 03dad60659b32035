/** How far are edges from a page? Their distances are known here: each is behind an emulated link. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test as base, expect, type Page } from "@playwright/test";
import { build } from "vite";
import type { ProbeOptions } from "../../player/src/probe.js";
import type { Probe, ProbeTarget } from "../../player/src/signaling/messages.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

interface Field {
  readonly probe: readonly number[];
  readonly stun: readonly number[];
}

const test = base.extend<{ field: (...trips: string[]) => Promise<Field> }, { farapp: string; script: string }>({
  farapp: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "nearlight-e2e-"));
      execFileSync("go", ["build", "-o", folder, "./internal/farapp"], {
        cwd: root,
        env: { ...process.env, CGO_ENABLED: "0" },
      });
      await use(join(folder, "farapp"));
      rmSync(folder, { recursive: true });
    },
    { scope: "worker" },
  ],
  script: [
    // biome-ignore lint/correctness/noEmptyPattern: as above.
    async ({}, use) => {
      const entry = join(root, "web/player/src/probe.ts");
      const built = await build({
        configFile: false,
        logLevel: "error",
        build: { write: false, target: "chrome111", lib: { entry, formats: ["iife"], name: "probing" } },
      });
      const [output] = [built].flat();
      if (output === undefined || !("output" in output)) throw new Error("vite has built nothing");
      await use(output.output[0].code);
    },
    { scope: "worker" },
  ],
  field: async ({ farapp }, use) => {
    const ends: (() => Promise<number | null>)[] = [];
    await use(async (...trips) => {
      const process = spawn(farapp, trips, { stdio: ["pipe", "pipe", "inherit"] });
      ends.push(
        () =>
          new Promise((over) => {
            process.once("exit", over);
            process.stdin.end();
          }),
      );
      for await (const line of createInterface(process.stdout)) return JSON.parse(line) as Field;
      throw new Error("farapp has ended");
    });
    for (const end of ends) expect(await end()).toBe(0);
  },
});

/** Measures in the page, and how long that took there. */
async function measure(page: Page, script: string, targets: ProbeTarget[], options: ProbeOptions = {}) {
  await page.addScriptTag({ content: script });
  return page.evaluate(
    async ([targets, options]) => {
      const { probing } = window as unknown as {
        probing: { probe(targets: ProbeTarget[], options: ProbeOptions): Promise<Probe[]> };
      };
      const began = performance.now();
      const probes = await probing.probe(targets, options);
      return { probes, took: performance.now() - began };
    },
    [targets, options] as const,
  );
}

const at = (ports: readonly number[]): ProbeTarget[] =>
  ports.map((port, i) => ({ edge: `edge-${i}`, at: [`127.0.0.1:${port}`] }));

/** A machine that is busy with something else may be late once, and one that is drowned in work each time. */
const drowned = () => (loadavg()[0] ?? 0) > 2 * availableParallelism();

test("round trips to eight edges are measured at once, in less than 400 ms", async ({ page, field, script }) => {
  const trips = [4, 10, 20, 35, 50, 80, 120];
  const ports = await field(...trips.map((ms) => `${ms}ms`), "lost");
  await page.goto("about:blank");
  let off: number[] = [];
  for (let tries = 0; tries < 3; tries++) {
    const { probes, took } = await measure(page, script, at(ports.probe));
    console.log(
      `${took.toFixed(0)} ms`,
      probes.map((p) => `${p.roundTrips.map((ms) => ms.toFixed(1))} (${p.failed} failed)`).join("; "),
    );
    const lost = probes.pop();
    expect(lost).toEqual({ edge: "edge-7", roundTrips: [], failed: 3 });
    off = probes.map(({ roundTrips }, i) => Math.min(...roundTrips) - (trips[i] ?? 0));
    for (const by of off) expect(by).toBeGreaterThan(-1.5); // browsers round to a millisecond
    if (Math.max(...off) < 5 && took < 450) return;
  }
  if (!drowned()) expect(Math.max(...off)).toBeLessThan(5);
});

/** What else a page could do (docs/adr/0028-probes-are-ice-checks.md): each with one edge after the other, so that they do not disturb each other. */
test("ICE's checks tell distances better than what else a page has", async ({ page, field, script }) => {
  const trips = [10, 50, 120];
  const ports = await field(...trips.map((ms) => `${ms}ms`));
  await page.goto("about:blank");
  const gathering = (port: number) =>
    page.evaluate(async (port) => {
      const connection = new RTCPeerConnection({ iceServers: [{ urls: `stun:127.0.0.1:${port}` }] });
      connection.createDataChannel("probe");
      const seen = new Promise<number>((resolve) => {
        connection.onicecandidate = ({ candidate }) => {
          if (candidate?.type === "srflx") resolve(performance.now());
        };
      });
      const offer = await connection.createOffer();
      const began = performance.now();
      await connection.setLocalDescription(offer);
      const took = (await seen) - began;
      connection.close();
      return took;
    }, port);
  const rows: string[] = [];
  for (const [i, ms] of trips.entries()) {
    const stun: number[] = [];
    const checks: number[] = [];
    for (let n = 0; n < 5; n++) {
      stun.push(await gathering(ports.stun[i] ?? 0));
      const { probes } = await measure(page, script, at([ports.probe[i] ?? 0]));
      checks.push(...(probes[0]?.roundTrips ?? []));
    }
    const show = (list: number[]) => list.map((one) => one.toFixed(0)).join(" ");
    rows.push(`${ms} ms: checks ${show(checks)}; gathering ${show(stun)}`);
    expect(Math.min(...stun), "gathering is never faster than the way").toBeGreaterThanOrEqual(ms - 1.5);
    expect(Math.min(...checks)).toBeGreaterThanOrEqual(ms - 1.5);
    if (!drowned()) expect(Math.min(...checks) - ms).toBeLessThan(5);
  }
  console.log(rows.join("\n"));
});
