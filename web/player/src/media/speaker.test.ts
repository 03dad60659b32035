import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Sound, Speaker } from "./speaker.js";

/** An audio element, whose play() the browser refuses when it would be heard. */
class FakeAudio {
  muted = false;
  volume = 1;
  autoplay = false;
  srcObject: unknown = null;
  refuses = false;

  play(): Promise<void> {
    const refused = this.refuses && !this.muted;
    return refused ? Promise.reject(new DOMException("no gesture", "NotAllowedError")) : Promise.resolve();
  }
}

class FakeButton {}

let audio: FakeAudio;
let page: EventTarget;

/** A gesture on what lies on a path of elements. */
function gesture(name: "pointerdown" | "keydown", ...path: unknown[]): void {
  page.dispatchEvent(Object.assign(new Event(name), { composedPath: () => path }));
}

const stream = {} as MediaStream;
const receiver = {} as RTCRtpReceiver;
const settled = () => new Promise((done) => setTimeout(done));

beforeEach(() => {
  audio = new FakeAudio();
  page = new EventTarget();
  vi.stubGlobal("window", page);
  vi.stubGlobal("document", { createElement: () => audio });
  vi.stubGlobal("HTMLButtonElement", FakeButton);
});
afterEach(() => vi.unstubAllGlobals());

test("sound is muted until a gesture, and what changes is told", () => {
  const speaker = new Speaker();
  const told: Sound[] = [];
  speaker.on("change", (sound) => told.push(sound));
  expect(speaker.sound).toEqual({ available: false, reason: "", muted: true, volume: 1 });
  speaker.show(stream, receiver);
  expect(speaker.sound).toMatchObject({ available: true, muted: true });
  gesture("keydown");
  expect(speaker.sound.muted).toBe(false);
  expect(told.map(({ available, muted }) => [available, muted])).toEqual([
    [true, true],
    [true, false],
  ]);
});

test("a gesture on a button is the button's, and one after the end is nobody's", () => {
  const speaker = new Speaker();
  gesture("pointerdown", new FakeButton(), {});
  expect(speaker.sound.muted).toBe(true);
  speaker.close();
  gesture("pointerdown");
  expect(speaker.sound.muted).toBe(true);
});

test("a player who turned sound off hears nothing, whatever is clicked", () => {
  const speaker = new Speaker();
  speaker.show(stream, receiver);
  speaker.muted = true;
  gesture("pointerdown");
  expect(speaker.sound.muted).toBe(true);
  speaker.muted = false;
  expect(speaker.sound.muted).toBe(false);
});

test("where the browser refuses, sound goes on muted, and is heard with the next gesture", async () => {
  const speaker = new Speaker();
  speaker.allow();
  audio.refuses = true;
  speaker.show(stream, receiver); // of a connection that took the old one's place
  await settled();
  expect(speaker.sound.muted).toBe(true);
  audio.refuses = false;
  gesture("pointerdown");
  await settled();
  expect(speaker.sound.muted).toBe(false);
});

test("the edge's reason makes sound unavailable until it is taken back, and volume stays within its bounds", () => {
  const speaker = new Speaker();
  speaker.show(stream, receiver);
  speaker.explain("no sound server");
  expect(speaker.sound).toMatchObject({ available: false, reason: "no sound server" });
  speaker.explain("");
  expect(speaker.sound.available).toBe(true);
  for (const [set, is] of [
    [0.5, 0.5],
    [-1, 0],
    [7, 1],
  ] as const) {
    speaker.volume = set;
    expect(speaker.sound.volume).toBe(is);
  }
});
