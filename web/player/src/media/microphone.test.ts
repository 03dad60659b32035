import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Microphone, MicrophoneLine } from "./microphone.js";

class FakeTrack {
  stopped = false;
  onended: (() => void) | null = null;
  stop(): void {
    this.stopped = true;
  }
}

class FakeSender {
  track: unknown = null;
  replaceTrack(track: unknown): Promise<void> {
    this.track = track;
    return Promise.resolve();
  }
}

let asked: { give: (track: FakeTrack) => void; refuse: (name: string) => void; constraints: MediaStreamConstraints }[];
let line: MicrophoneLine;
let told: Microphone[];
let sender: FakeSender;
const settled = () => new Promise((done) => setTimeout(done));
const states = () => told.map(({ state }) => state);

function attach(to: FakeSender | null): void {
  line.attach(to as unknown as RTCRtpSender | null);
}

beforeEach(() => {
  asked = [];
  told = [];
  sender = new FakeSender();
  line = new MicrophoneLine();
  line.on("change", (microphone) => told.push(microphone));
  const getUserMedia = (constraints: MediaStreamConstraints) =>
    new Promise((give, refuse) => {
      asked.push({
        constraints,
        give: (track) => give({ getTracks: () => [track], getAudioTracks: () => [track] }),
        refuse: (name) => refuse(new DOMException("no", name)),
      });
    });
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
});
afterEach(() => vi.unstubAllGlobals());

test("the device is opened when it is turned on, and let go when it is turned off", async () => {
  attach(sender);
  expect(states()).toEqual(["off"]);
  expect(asked).toHaveLength(0);
  line.set(true);
  line.set(true);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.constraints.audio).toMatchObject({ echoCancellation: true });
  const track = new FakeTrack();
  asked[0]?.give(track);
  await settled();
  expect(sender.track).toBe(track);
  line.set(false);
  expect(track.stopped).toBe(true);
  expect(sender.track).toBe(null);
  expect(states()).toEqual(["off", "asking", "on", "off"]);
});

test("a player whom the edge does not hear is told so, and no device is opened", () => {
  line.set(true);
  expect(told.at(-1)).toMatchObject({ state: "refused", error: { code: "microphone-forbidden" } });
  line.set(false);
  expect(told.at(-1)?.state).toBe("absent");
  expect(asked).toHaveLength(0);
});

test.each([
  ["NotAllowedError", "microphone-denied"],
  ["NotFoundError", "microphone-missing"],
  ["NotReadableError", "microphone-busy"],
])("%s is told as %s, and it may be asked for again", async (name, code) => {
  attach(sender);
  line.set(true);
  asked[0]?.refuse(name);
  await settled();
  expect(told.at(-1)).toMatchObject({ state: "refused", error: { code } });
  expect(told.at(-1)?.error?.hint).not.toBe("");
  line.set(true);
  asked[1]?.give(new FakeTrack());
  await settled();
  expect(told.at(-1)).toEqual({ state: "on", error: null });
});

test("a page without HTTPS is told that it has no microphone", () => {
  vi.stubGlobal("navigator", {});
  attach(sender);
  line.set(true);
  expect(told.at(-1)).toMatchObject({ state: "refused", error: { code: "microphone-insecure" } });
});

test("a device that is given too late is let go at once", async () => {
  attach(sender);
  line.set(true);
  line.set(false);
  const late = new FakeTrack();
  asked[0]?.give(late);
  await settled();
  expect(late.stopped).toBe(true);
  expect(sender.track).toBe(null);
  expect(states()).toEqual(["off", "asking", "off"]);
});

test("a connection that takes another's place goes on with the microphone", async () => {
  attach(sender);
  line.set(true);
  const track = new FakeTrack();
  asked[0]?.give(track);
  await settled();
  attach(null);
  const next = new FakeSender();
  attach(next);
  expect(next.track).toBe(track);
  expect(states()).toEqual(["off", "asking", "on"]);
});

test("a device that is pulled out is told, and nothing is left open at the end", async () => {
  attach(sender);
  line.set(true);
  const track = new FakeTrack();
  asked[0]?.give(track);
  await settled();
  track.onended?.();
  expect(told.at(-1)).toMatchObject({ state: "refused", error: { code: "microphone-missing" } });
  line.set(true);
  const another = new FakeTrack();
  asked[1]?.give(another);
  await settled();
  line.close();
  expect(another.stopped).toBe(true);
  expect(told.at(-1)?.state).toBe("absent");
});
