import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PlayerError } from "./errors.js";
import { Reconnection } from "./reconnection.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A reconnection whose first attempts, so many, ask for new ways. */
function begun(restarts = 0, fresh = false) {
  const log: string[] = [];
  const reconnection: Reconnection = new Reconnection({
    attempt: (anew) => {
      const restarting = restarts-- > 0;
      log.push(`${restarting ? "restart" : "link"}${anew ? " by a new socket" : ""}`);
      return restarting ? 3_000 : null;
    },
    tick: (secondsLeft) => log.push(String(secondsLeft)),
    expired: () => log.push("expired"),
  });
  reconnection.begin(fresh);
  return { log, reconnection, attempts: () => log.filter((entry) => /[a-z]/.test(entry)) };
}

it("asks for new ways at once, and tries something else where nothing comes of it", () => {
  const { attempts } = begun(2);
  expect(attempts()).toEqual(["restart"]);
  vi.advanceTimersByTime(2_999);
  expect(attempts()).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(attempts()).toEqual(["restart", "restart by a new socket"]);
  vi.advanceTimersByTime(3_000);
  expect(attempts().at(-1)).toBe("link by a new socket");
  vi.advanceTimersByTime(10_000); // a link says by itself that it failed
  expect(attempts()).toHaveLength(3);
});

it("leaves a socket that does not answer at once", () => {
  expect(begun(1, true).attempts()).toEqual(["restart by a new socket"]);
});

it("waits for nothing when the network has changed", () => {
  const { reconnection, attempts } = begun(9);
  reconnection.failed(PlayerError.of("unreachable"));
  reconnection.hurry();
  vi.advanceTimersByTime(0);
  expect(attempts()).toHaveLength(2);
  reconnection.end();
  reconnection.hurry();
  vi.advanceTimersByTime(60_000);
  expect(attempts()).toHaveLength(2);
});

it("tries again after what may pass, and counts down to the end", () => {
  const { log, reconnection, attempts } = begun();
  for (let i = 0; i < 3; i++) {
    expect(reconnection.failed(PlayerError.of("unreachable"))).toBe(true);
    vi.advanceTimersByTime(3_000);
  }
  expect(attempts()).toHaveLength(4);
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
  expect(log).toEqual(["link", "30"]);
});
