import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { test as base, expect, type Page } from "@playwright/test";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const binary = join(root, "bin/nearlight");

/** A running `nearlight up`. */
export interface Nearlight {
  /** The link, with its token. */
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<number | null>;
}

interface Fixtures {
  /**
   * Starts `nearlight up` with these arguments; the first ones of the form NAME=value are its environment. It ends with the test,
   * and nothing of it may be left then.
   */
  readonly up: (...args: string[]) => Promise<Nearlight>;
  /** The path of the client that shows where it was clicked. */
  readonly clickapp: string;
  /** The path of the client that plays a tone. */
  readonly toneapp: string;
  /** The folder of a double of NVIDIA's driver, which has faults on demand. */
  readonly nvidia: string;
}

export const test = base.extend<Fixtures, { built: string; builtDriver: string }>({
  built: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "nearlight-e2e-"));
      execFileSync("chmod", ["755", folder]);
      execFileSync("go", ["build", "-o", folder, "./internal/clickapp", "./internal/toneapp"], {
        cwd: root,
        env: { ...process.env, CGO_ENABLED: "0" },
      });
      await use(folder);
      rmSync(folder, { recursive: true });
    },
    { scope: "worker" },
  ],
  clickapp: async ({ built }, use) => use(join(built, "clickapp")),
  toneapp: async ({ built }, use) => use(join(built, "toneapp")),
  builtDriver: [
    // biome-ignore lint/correctness/noEmptyPattern: as above.
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "nearlight-nvidia-"));
      execFileSync("go", ["run", "./encoder/nvenc/fakedriver/build", folder], { cwd: root });
      await use(folder);
      rmSync(folder, { recursive: true });
    },
    { scope: "worker" },
  ],
  nvidia: async ({ builtDriver }, use) => use(builtDriver),
  // biome-ignore lint/correctness/noEmptyPattern: as above.
  up: async ({}, use) => {
    const started: Nearlight[] = [];
    await use(async (...args) => {
      const nearlight = await start(args);
      started.push(nearlight);
      return nearlight;
    });
    for (const nearlight of started) {
      const below = descendants(nearlight.process.pid ?? 0);
      await nearlight.stop();
      for (const pid of below) expect(alive(pid), `process ${pid} of the session is left`).toBe(false);
    }
  },
});

export { expect };

async function start(args: string[]): Promise<Nearlight> {
  const first = args.findIndex((arg) => !/^[A-Z_]+=/.test(arg));
  const env = Object.fromEntries(
    args.slice(0, first).map((arg) => [arg.slice(0, arg.indexOf("=")), arg.slice(arg.indexOf("=") + 1)]),
  );
  const child = spawn(binary, ["up", "--listen", "127.0.0.1:0", ...args.slice(first)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let errors = "";
  child.stderr.on("data", (data) => {
    errors += data;
  });
  const ended = new Promise<number | null>((done) => child.on("exit", (code) => done(code)));
  const url = await new Promise<string>((found, failed) => {
    let out = "";
    child.stdout.on("data", (data) => {
      out += data;
      const link = /^play: (\S+)$/m.exec(out)?.[1];
      if (link !== undefined) found(link);
    });
    void ended.then((code) => failed(new Error(`nearlight up ended with status ${code}: ${errors}`)));
  });
  return {
    url,
    process: child,
    stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      return ended;
    },
  };
}

/** What makes a game's screen, and the programs that it takes. */
const displayPrograms = { xvfb: ["Xvfb"], wayland: ["sway", "Xwayland"] } as const;
export const DISPLAYS = ["xvfb", "wayland"] as const;

/**
 * Arguments for a picture that changes all the time and takes little of this machine, for what is about neither size nor speed: two
 * browsers and a game without a GPU keep two cores from anything in time, and a driver's double codes on them too.
 */
export const light = ["--size", "640x360", "--app", "scene"] as const;

/** Skips the test, by name, on a machine that lacks what a display takes. */
export function needs(display: keyof typeof displayPrograms): void {
  for (const program of displayPrograms[display]) {
    const found = (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
    base.skip(!found, `SKIPPED: ${program} is missing (make install-test)`);
  }
}

/** All processes below one. */
export function descendants(pid: number): number[] {
  let children: string;
  try {
    children = execFileSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  } catch {
    return []; // ps says so by its status when there is none
  }
  return children.split("\n").flatMap((line) => (line.trim() === "" ? [] : [Number(line), ...descendants(Number(line))]));
}

/** Whether a process runs; one that only waits to be buried does not. */
export function alive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Opens the link, starts to play without a gesture, and waits until the game has drawn. */
export async function play(page: Page, nearlight: Nearlight, more = ""): Promise<void> {
  await page.goto(`${nearlight.url}&autoplay=1${more}`);
  await page.locator(".tools").waitFor();
  await expect(page.locator(".loading")).toHaveCount(0, { timeout: 30_000 });
}

/** The colours, as [red, green, blue], of the stream's pixels at these places of the picture (0 to 1 each way). */
export function colours(page: Page, places: readonly (readonly [number, number])[]): Promise<number[][]> {
  return page.locator("video").evaluate((video: HTMLVideoElement, wanted) => {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (context === null) throw new Error("no canvas");
    context.drawImage(video, 0, 0);
    return wanted.map(([x, y]) => [
      ...context
        .getImageData(Math.round(x * (video.videoWidth - 1)), Math.round(y * (video.videoHeight - 1)), 1, 1)
        .data.slice(0, 3),
    ]);
  }, places);
}

/**
 * Watches the page's connections from now on. What it returns tells in which formats video comes, as the browser's statistics
 * say it.
 */
export function watchCodecs(page: Page): () => Promise<string[]> {
  const formats = watchFormats(page);
  return async () => (await formats()).map(({ mimeType }) => mimeType);
}

/** A format that a page receives: its name, and what its session description says of it. */
export interface Format {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

export function watchFormats(page: Page): () => Promise<Format[]> {
  void page.addInitScript(() => {
    const made: RTCPeerConnection[] = [];
    Object.assign(window, { made });
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        made.push(this);
      }
    };
  });
  return () =>
    page.evaluate(async () => {
      const formats: Format[] = [];
      for (const connection of (window as unknown as { made: RTCPeerConnection[] }).made) {
        const report = await connection.getStats();
        for (const [, entry] of report as unknown as Map<string, RTCInboundRtpStreamStats>) {
          if (entry.type !== "inbound-rtp" || entry.kind !== "video") continue;
          formats.push((report.get(entry.codecId ?? "") as Format | undefined) ?? { mimeType: "none" });
        }
      }
      return formats;
    });
}

/** The mean of a colour's parts, 0 to 255. */
export function brightness(colour: number[]): number {
  return colour.reduce((sum, part) => sum + part, 0) / colour.length;
}

/** A grid of places over the picture. */
export const GRID = Array.from({ length: 400 }, (_, i) => [((i % 20) + 0.5) / 20, (Math.floor(i / 20) + 0.5) / 20] as const);
