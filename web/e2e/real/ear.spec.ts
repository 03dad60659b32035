/** How long the game's sound takes to the player's ear: an app that clicks whenever the machine's clock passes half a second. */
import { expect, play, test } from "./nearlight.js";

test.use({ bypassCSP: true }); // what finds the clicks is a script of the test's own

const CLICK_EVERY_MS = 500;

interface Clicks {
  /** When each was played, on the page's clock, by the audio device's own account. */
  clicks: number[];
}

test("what the app plays is heard soon", async ({ page, up, toneapp }, info) => {
  await page.addInitScript(() => {
    const heard: Clicks = { clicks: [] };
    Object.assign(window, heard);
    const finder = `registerProcessor("finder", class extends AudioWorkletProcessor {
      quiet = 0;
      process([[sound]]) {
        for (let i = 0; i < (sound?.length ?? 0); i++) {
          const loud = Math.abs(sound[i]) > 0.12;
          if (loud && this.quiet > 4800) this.port.postMessage((currentFrame + i) / sampleRate);
          this.quiet = loud ? 0 : this.quiet + 1;
        }
        return true;
      }
    });`;
    const Node = AudioWorkletNode;
    window.AudioWorkletNode = class extends Node {
      constructor(context: BaseAudioContext, name: string, options?: AudioWorkletNodeOptions) {
        super(context, name, options);
        void context.audioWorklet.addModule(URL.createObjectURL(new Blob([finder], { type: "text/javascript" }))).then(() => {
          const node = new Node(context, "finder");
          this.connect(node).connect(context.destination);
          node.port.onmessage = ({ data: at }: MessageEvent<number>) => {
            const { contextTime = 0, performanceTime = 0 } = (context as AudioContext).getOutputTimestamp();
            heard.clicks.push(performanceTime + 1000 * (at - contextTime));
          };
        });
      }
    };
  });
  await play(page, await up("--", toneapp, "-clicks"));
  await page.locator("video").click();
  const clicks = () => page.evaluate(() => (window as unknown as Clicks).clicks);
  await expect.poll(async () => (await clicks()).length, { timeout: 30_000 }).toBeGreaterThan(25);

  // The page's clock and the app's are one machine's: what lies between them is known to half of the shortest round trip.
  let [shortest, between] = [Number.POSITIVE_INFINITY, 0];
  for (let n = 0; n < 50; n++) {
    const asked = process.hrtime.bigint();
    const theirs = await page.evaluate(() => performance.now());
    const took = Number(process.hrtime.bigint() - asked) / 1e6;
    if (took < shortest) [shortest, between] = [took, Number(asked / 1_000n) / 1_000 + took / 2 - theirs];
  }
  const late = (await clicks())
    .slice(5)
    .map((at) => (at + between) % CLICK_EVERY_MS)
    .sort((a, b) => a - b);
  const median = late[Math.floor(late.length / 2)] ?? Number.NaN;
  info.annotations.push({
    type: "app to ear, ms",
    description: `median ${median.toFixed(1)}, known to ${(shortest / 2).toFixed(1)}`,
  });
  expect(median).toBeLessThan(250); // 45 on a machine that does nothing else
});
