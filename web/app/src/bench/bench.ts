/** The page of `nearlight bench glass`: plays, reads each frame's marker, presses a key now and then, and reports it all. */
import { connect, type Session } from "@nearlight/player";
import { takeLink } from "../link.js";
import { MarkerReader } from "./reader.js";
import { type BenchReport, type FrameRecord, type InputRecord, quantiles } from "./report.js";

const DEFAULT_SECONDS = 20;
/** Keys are pressed at no multiple of any frame rate, so that every phase between frame and key is met. */
const KEY_MIN_MS = 230;
const KEY_SPREAD_MS = 100;
/** Short enough to be let go of before it is repeated as held. */
const KEY_HOLD_MS = 70;

const link = takeLink({ location, history, storage: sessionStorage });
const seconds = Number(link.rest.get("seconds") ?? DEFAULT_SECONDS);
const key = link.rest.get("key");
const target = link.rest.get("report") ?? "/bench/report";

const random = generator(Number(link.rest.get("seed") ?? 1));

const frames: FrameRecord[] = [];
const inputs: InputRecord[] = [];
const held: number[] = [];
const waited: number[] = [];
let firstFrame: number | null = null;

const screen = document.querySelector<HTMLElement>("#screen") ?? document.body;
const session = connect({
  signal: location.origin,
  token: link.token ?? "",
  element: screen,
  pointer: "free",
  ...(link.app === null ? {} : { app: link.app }),
});
const reader = new MarkerReader(session.video);

session.on("frame", (frame) => {
  firstFrame ??= frame.presented;
  void reader.read(frame.mediaTime).then(({ marker, ...cost }) => {
    held.push(cost.held);
    waited.push(cost.waited);
    const fault = typeof marker === "string" ? marker : null;
    frames.push({
      rtp: frame.rtp,
      now: frame.now,
      presentation: frame.presented,
      received: frame.received,
      marker: typeof marker === "string" ? null : { time: marker.micros, input: marker.input, frame: marker.counter },
      fault,
      processing: frame.decode,
      w: frame.width,
      h: frame.height,
      presentedFrames: frame.count,
    });
  }, fail);
});
session.on("stage", ({ stage }) => say(stage));
session.on("playing", ({ resumed }) => {
  if (resumed) return;
  say("measuring");
  if (key !== null) pressNow(session, key);
  setTimeout(() => void finish(null), seconds * 1000);
});
session.on("ended", ({ reason }) => void finish(reason));
session.on("error", (error) => void finish(error));

/** Presses and lets go as a keyboard does, through the same listeners, and plans the next press. */
function pressNow(playing: Session, code: string): void {
  const at = performance.now();
  const before = playing.input.sequence;
  dispatch("keydown", code);
  if (playing.input.sequence > before) inputs.push({ seq: playing.input.sequence, at });
  setTimeout(() => dispatch("keyup", code), KEY_HOLD_MS);
  setTimeout(() => pressNow(playing, code), KEY_MIN_MS + random() * KEY_SPREAD_MS);
}

/** Numbers from 0 to 1 that a seed repeats: a linear congruential generator, with Numerical Recipes' constants. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function dispatch(type: "keydown" | "keyup", code: string): void {
  session.video.dispatchEvent(new KeyboardEvent(type, { code, key: code, bubbles: true, composed: true, cancelable: true }));
}

let finished = false;

async function finish(error: { code: string; message: string; hint: string } | null): Promise<void> {
  if (finished) return;
  finished = true;
  const { clock, stages } = session;
  session.close();
  const report: BenchReport = {
    frames,
    inputs,
    clock: clock === null ? null : { offset_us: clock.offset, rtt_us: clock.roundTrip },
    stages: Object.fromEntries(stages.map(({ stage, ms }) => [stage, ms ?? 0])),
    first_frame_ms: firstFrame,
    reading: { method: reader.method, held_ms: quantiles(held), waited_ms: quantiles(waited) },
    userAgent: navigator.userAgent,
    error: error === null ? null : { code: error.code, message: error.message, hint: error.hint },
  };
  const response = await fetch(target, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${link.token ?? ""}` },
    body: JSON.stringify(report),
  });
  say(response.ok ? "done" : `the report was refused: ${response.status}`);
}

function fail(error: unknown): void {
  void finish({ code: "marker", message: `A frame could not be read: ${String(error)}`, hint: "" });
}

function say(text: string): void {
  const status = document.querySelector("#status");
  if (status !== null) status.textContent = text;
}
