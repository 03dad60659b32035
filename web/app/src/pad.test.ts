import { describe, expect, it } from "vitest";
import { directions, keyCode, padButtons } from "./pad.js";

it.each([
  ["Space", "Space"],
  ["ctrl", "ControlLeft"],
  ["w", "KeyW"],
  ["7", "Digit7"],
  ["F3", "F3"],
  ["← →", null],
  ["W A S D", null],
  ["Esc", null],
])("%s is the key %s", (keys, code) => {
  expect(keyCode(keys)).toBe(code);
});

describe("the buttons beside the arrows", () => {
  it("are the game's own keys, named by what they do where that fits", () => {
    const keys = [
      { keys: "← →", does: "walk" },
      { keys: "Space", does: "jump" },
      { keys: "Ctrl", does: "throw what you hold" },
    ];
    expect(padButtons({ keys })).toEqual([
      { label: "Jump", code: "Space" },
      { label: "Ctrl", code: "ControlLeft" },
    ]);
  });

  it("are the usual ones where nothing is known", () => {
    expect(padButtons(null).map(({ code }) => code)).toEqual(["Space", "ControlLeft", "Enter"]);
  });

  it("are at most four, each once", () => {
    const keys = ["a", "a", "b", "c", "d", "e"].map((key) => ({ keys: key, does: "" }));
    expect(padButtons({ keys }).map(({ code }) => code)).toEqual(["KeyA", "KeyB", "KeyC", "KeyD"]);
  });
});

it.each([
  { at: [0.1, 0], meant: [], why: "the middle rests" },
  { at: [0.9, 0.1], meant: ["ArrowRight"], why: "right" },
  { at: [0, -0.9], meant: ["ArrowUp"], why: "up" },
  { at: [-0.6, 0.6], meant: ["ArrowLeft", "ArrowDown"], why: "a diagonal is two" },
  { at: [0.8, 0.34], meant: ["ArrowRight", "ArrowDown"], why: "just off the axis" },
  { at: [0.8, 0.32], meant: ["ArrowRight"], why: "still the axis" },
])("$why", ({ at, meant }) => {
  expect([...directions(at[0] ?? 0, at[1] ?? 0)]).toEqual(meant);
});
