import { expect, it } from "vitest";
import { WheelMeter } from "./wheel.js";

it.each([
  { event: { deltaX: 0, deltaY: 100, deltaMode: 0, wheelDeltaY: -120 }, dy: 120, why: "Chromium's notch" },
  { event: { deltaX: 0, deltaY: 53, deltaMode: 0, wheelDeltaY: -120 }, dy: 120, why: "a notch that scrolls less" },
  { event: { deltaX: 0, deltaY: -3, deltaMode: 1 }, dy: -120, why: "Firefox's notch upwards, in lines" },
  { event: { deltaX: 0, deltaY: 1, deltaMode: 2 }, dy: 120, why: "a page" },
  { event: { deltaX: 0, deltaY: 100, deltaMode: 0 }, dy: 120, why: "pixels alone" },
  { event: { deltaX: 0, deltaY: 1e9, deltaMode: 0 }, dy: 32767, why: "more than fits" },
])("$why", ({ event, dy }) => {
  expect(new WheelMeter().add(event)).toEqual({ dx: 0, dy });
});

it("loses nothing of a smooth wheel's fractions", () => {
  const meter = new WheelMeter();
  let sum = 0;
  for (let i = 0; i < 100; i++) sum += meter.add({ deltaX: 0.3, deltaY: 0, deltaMode: 0 }).dx;
  expect(sum).toBe(Math.trunc(0.3 * 1.2 * 100));
});
