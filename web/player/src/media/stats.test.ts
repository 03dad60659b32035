import { expect, it } from "vitest";
import { EdgeClock } from "../clock.js";
import type { FrameSample } from "./frames.js";
import { StatsMeter } from "./stats.js";

const NONE = { bytes: 0, dropped: 0, lost: 0, received: 0, jitter: 0 };

const COUNTS = { bytes: 1_000_000, dropped: 1, lost: 2, received: 998, jitter: 3 };

/** Clocks that agree. */
function clock(): EdgeClock {
  const agreeing = new EdgeClock();
  agreeing.observe(0, 0, 0);
  return agreeing;
}

/** A frame captured at an instant and presented later, with 5 ms on the way and 2 in the decoder. */
function frame(count: number, captured: number, presented: number): FrameSample {
  const rtp = Math.round(captured * 90);
  return { rtp, now: presented, presented, received: captured + 5, decode: 2, count, width: 1280, height: 720, mediaTime: 0 };
}

it("sums up a second: rate, bits, and where the time goes", () => {
  const meter = new StatsMeter(0);
  const agreed = clock();
  meter.edge({
    kind: "stats",
    stages: { encode: { p50: 2, p99: 4 }, edge_overhead: { p50: 1, p99: 2 } },
    bitrate: 0,
    frames: 0,
    dropped: 0,
    link: null,
  });
  for (let i = 1; i <= 60; i++) meter.frame(frame(i, i * 16, i * 16 + 8), agreed);
  const stats = meter.summary(1_000, COUNTS, agreed);
  expect(stats).toMatchObject({
    fps: 60,
    bitrate: 8_000_000,
    dropped: 1,
    lost: 2,
    freezes: 0,
    roundTrip: 0,
    jitter: 3,
    loss: 0.002,
  });
  expect(stats.latency?.total).toBeCloseTo(8, 1);
  expect(stats.latency?.edge).toBeCloseTo(3);
  expect(stats.latency?.network).toBeCloseTo(2, 1);
  expect(stats.latency?.decode).toBe(2);
  expect(stats.latency?.present).toBeCloseTo(1);
  expect(meter.summary(2_000, COUNTS, agreed)).toMatchObject({
    fps: 0,
    bitrate: 0,
    loss: 0,
    latency: null,
  });
});

it("counts frames for which no callback ran", () => {
  const meter = new StatsMeter(0);
  meter.frame(frame(10, 0, 8), clock());
  meter.frame(frame(13, 48, 56), clock());
  expect(meter.summary(1_000, NONE, clock()).fps).toBe(4);
});

it("counts a freeze where frames came late, not where nothing changed", () => {
  const meter = new StatsMeter(0);
  const agreed = clock();
  meter.frame(frame(1, 0, 8), agreed);
  meter.frame(frame(2, 16, 300), agreed); // captured at once, shown long after
  meter.frame(frame(3, 1_300, 1_308), agreed); // the game drew nothing for a second
  expect(meter.summary(2_000, NONE, agreed).freezes).toBe(1);
});

it("knows no latency while the clocks were not compared", () => {
  const meter = new StatsMeter(0);
  meter.frame(frame(1, 0, 8), new EdgeClock());
  expect(meter.summary(1_000, NONE, new EdgeClock())).toMatchObject({ latency: null, roundTrip: null });
});
