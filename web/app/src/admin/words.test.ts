import { expect, test } from "vitest";
import { figures, span } from "./words.js";

test.each([
  [0, "now"],
  [12_000, "12 s"],
  [180_000, "3 min"],
  [7_200_000, "2 h"],
  [5 * 86_400_000, "5 d"],
])("%i ms are told in few letters", (ms, want) => {
  const at = Date.parse("2030-01-01T00:00:00Z");
  expect(span(new Date(at - ms).toISOString(), at)).toBe(want);
});

test("figures that were not measured are left out", () => {
  expect(figures({})).toBe("");
  expect(figures({ framesPerSecond: 59.7, bitsPerSecond: 8_040_000, lossRatio: 0.012 })).toBe(
    "60\u00a0fps · 8.0\u00a0Mbit/s · 1.2\u00a0%\u00a0lost",
  );
});
