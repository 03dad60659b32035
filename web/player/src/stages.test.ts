import { expect, it } from "vitest";
import { StageClock } from "./stages.js";

it("times each stage from its beginning to the next one's", () => {
  const clock = new StageClock();
  clock.enter("finding", 0);
  clock.enter("starting", 12);
  clock.enter("connecting", 112);
  expect(clock.current).toBe("connecting");
  expect(clock.times).toEqual([
    { stage: "finding", ms: 12 },
    { stage: "starting", ms: 100 },
    { stage: "connecting", ms: null },
  ]);
});

it("gives a stage that was skipped no time", () => {
  const clock = new StageClock();
  clock.enter("finding", 0);
  clock.enter("connecting", 30);
  expect(clock.times).toEqual([
    { stage: "finding", ms: 30 },
    { stage: "starting", ms: 0 },
    { stage: "connecting", ms: null },
  ]);
});

it("does not go back, nor begin a stage twice", () => {
  const clock = new StageClock();
  clock.enter("starting", 0);
  clock.enter("connecting", 10);
  clock.enter("starting", 20);
  clock.enter("connecting", 30);
  expect(clock.times.map(({ stage }) => stage)).toEqual(["finding", "starting", "connecting"]);
});

it("ends with the last stage, once", () => {
  const clock = new StageClock();
  clock.enter("first-frame", 0);
  clock.finish(40);
  clock.finish(90);
  expect(clock.current).toBeNull();
  expect(clock.times.slice(-2)).toEqual([
    { stage: "first-frame", ms: 40 },
    { stage: "loading", ms: 0 },
  ]);
});
