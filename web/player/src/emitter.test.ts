import { expect, it, vi } from "vitest";
import { Emitter } from "./emitter.js";

class Bell extends Emitter<{ ring: number }> {
  ring(times: number): void {
    this.emit("ring", times);
  }
}

it("calls each listener until it is taken off", () => {
  const bell = new Bell();
  const heard: number[] = [];
  const off = bell.on("ring", (times) => heard.push(times));
  bell.ring(1);
  off();
  bell.ring(2);
  expect(heard).toEqual([1]);
});

it("goes on past a listener that throws, and reports its error", () => {
  const reported = vi.spyOn(globalThis, "queueMicrotask").mockImplementation(() => undefined);
  const bell = new Bell();
  const heard: number[] = [];
  bell.on("ring", () => {
    throw new Error("broken");
  });
  bell.on("ring", (times) => heard.push(times));
  bell.ring(3);
  expect(heard).toEqual([3]);
  expect(reported).toHaveBeenCalledOnce();
  expect(() => reported.mock.calls[0]?.[0]()).toThrow("broken");
  reported.mockRestore();
});
