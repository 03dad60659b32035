import { describe, expect, it } from "vitest";
import { EdgeClock } from "./clock.js";

describe("the edge's clock", () => {
  it("is unknown before the first pong", () => {
    const clock = new EdgeClock();
    expect(clock.reading).toBeNull();
    expect(clock.captureTime(0, 0)).toBeNull();
  });

  it("is read from the shortest round trip, which waited in no queue", () => {
    const clock = new EdgeClock();
    const ahead = 5_000_000;
    clock.observe(1_000, 1_000 + 20_000 + ahead, 1_000 + 25_000); // queued on its way out
    clock.observe(300_000, 300_000 + 1_000 + ahead, 300_000 + 2_000);
    clock.observe(600_000, 600_000 + 1_000 + ahead, 600_000 + 31_000); // and on its way back
    expect(clock.reading).toEqual({ offset: ahead, roundTrip: 2_000 });
    expect(clock.roundTrip).toBe(31_000);
  });

  it("forgets what is older than ten seconds of pings, so that drift does not add up", () => {
    const clock = new EdgeClock();
    clock.observe(0, 500, 1_000);
    for (let i = 1; i <= 40; i++) clock.observe(i * 250_000, i * 250_000 + 1_500 + 7, i * 250_000 + 3_000);
    expect(clock.reading).toEqual({ offset: 7, roundTrip: 3_000 });
  });

  it("takes no pong that came before its ping", () => {
    const clock = new EdgeClock();
    clock.observe(10, 5, 9);
    expect(clock.reading).toBeNull();
  });

  const day = 86_400_000;
  it.each([
    { edgeMs: 1_000, why: "a machine just started" },
    { edgeMs: 30 * day, why: "the ticks have wrapped many times" },
    { edgeMs: 2 ** 32 / 90 + 1, why: "they wrapped since the capture" },
  ])("tells a frame's capture time when $why", ({ edgeMs }) => {
    const clock = new EdgeClock();
    const now = 4_000;
    clock.observe(now * 1000, edgeMs * 1000, now * 1000);
    const captured = edgeMs - 6; // 6 ms ago, by the edge
    const rtp = Math.round(captured * 90) % 2 ** 32;
    expect(clock.captureTime(rtp, now)).toBeCloseTo(now - 6, 1);
  });
});
