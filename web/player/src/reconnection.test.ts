import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PlayerError } from "./errors.js";
import { Reconnection } from "./reconnection.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function begun() {
  const log: string[] = [];
  const reconnection: Reconnection = new Reconnection({
    attempt: () => log.push("attempt"),
    tick: (secondsLeft) => log.push(String(secondsLeft)),
    expired: () => log.push("expired"),
  });
  reconnection.begin();
  return { log, reconnection };
}

it("leaves a stall two seconds to end by itself, then opens a new link", () => {
  const { log, reconnection } = begun();
  vi.advanceTimersByTime(1_999);
  expect(log).toEqual(["30", "29"]);
  expect(reconnection.attempting).toBe(false);
  vi.advanceTimersByTime(1);
  expect(log).toContain("attempt");
  expect(reconnection.attempting).toBe(true);
});

it("tries again after what may pass, and counts down to the end", () => {
  const { log, reconnection } = begun();
  vi.advanceTimersByTime(2_000);
  for (let i = 0; i < 3; i++) {
    expect(reconnection.failed(PlayerError.of("unreachable"))).toBe(true);
    vi.advanceTimersByTime(3_000);
  }
  expect(log.filter((entry) => entry === "attempt")).toHaveLength(4);
  vi.advanceTimersByTime(30_000);
  expect(log.at(-1)).toBe("expired");
  expect(log.filter((entry) => entry === "expired")).toHaveLength(1);
});

it("gives up at once where no attempt can help", () => {
  const { reconnection } = begun();
  expect(reconnection.failed(PlayerError.of("edge-gone"))).toBe(false);
});

it("says nothing after its end", () => {
  const { log, reconnection } = begun();
  reconnection.end();
  vi.advanceTimersByTime(60_000);
  expect(log).toEqual(["30"]);
});
