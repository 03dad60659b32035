import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Heartbeat, MISSING_MS } from "./heartbeat.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function watched() {
  const heartbeat = new Heartbeat();
  const heard: string[] = [];
  heartbeat.on("missing", () => heard.push("missing"));
  heartbeat.on("back", () => heard.push("back"));
  return { heartbeat, heard };
}

it("is not missed before it was ever heard", () => {
  const { heard } = watched();
  vi.advanceTimersByTime(60_000);
  expect(heard).toEqual([]);
});

it("is missed once after a second and a half, and then back", () => {
  const { heartbeat, heard } = watched();
  for (let i = 0; i < 10; i++) {
    heartbeat.beat();
    vi.advanceTimersByTime(500);
  }
  expect(heard).toEqual([]);
  vi.advanceTimersByTime(MISSING_MS - 500);
  expect(heard).toEqual(["missing"]);
  vi.advanceTimersByTime(10_000);
  heartbeat.beat();
  expect(heard).toEqual(["missing", "back"]);
});

it("is missed though it never came, once it is due", () => {
  const { heartbeat, heard } = watched();
  heartbeat.watch();
  vi.advanceTimersByTime(MISSING_MS);
  expect(heard).toEqual(["missing"]);
});

it("says nothing after it was stopped", () => {
  const { heartbeat, heard } = watched();
  heartbeat.beat();
  heartbeat.stop();
  vi.advanceTimersByTime(10_000);
  expect(heard).toEqual([]);
});

it("is waited for no longer than the next one takes, once there is reason to fear for it", () => {
  const { heartbeat, heard } = watched();
  heartbeat.hurry(); // nothing is due
  vi.advanceTimersByTime(10_000);
  expect(heard).toEqual([]);
  heartbeat.beat();
  heartbeat.hurry();
  vi.advanceTimersByTime(799);
  expect(heard).toEqual([]);
  vi.advanceTimersByTime(1);
  heartbeat.hurry();
  expect(heard).toEqual(["missing"]);
});
