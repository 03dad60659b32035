import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ToEdge } from "../control/codec.js";
import { InputSender } from "./sender.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function recorded() {
  const sent: ToEdge[] = [];
  return { sent, sender: new InputSender((message) => void sent.push(message)) };
}

const of = <T extends ToEdge["type"]>(sent: readonly ToEdge[], type: T) =>
  sent.filter((message): message is Extract<ToEdge, { type: T }> => message.type === type);

it("numbers every message one higher, from 1", () => {
  const { sent, sender } = recorded();
  sender.key(17, true);
  sender.button(0, true, { x: 1, y: 2 });
  sender.wheel(0, 120);
  sender.text("ß");
  sender.release();
  expect(sent.map((message) => ("seq" in message ? message.seq : 0))).toEqual([1, 2, 3, 4, 5]);
  expect(sender.sequence).toBe(5);
});

it("says a key's change once, however often the browser repeats it", () => {
  const { sent, sender } = recorded();
  sender.key(17, true);
  sender.key(17, true);
  sender.key(17, false);
  sender.key(17, false);
  expect(sent).toHaveLength(2);
});

it("repeats what is held five times a second, until it is let go of", () => {
  const { sent, sender } = recorded();
  sender.key(17, true);
  sender.button(2, true);
  vi.advanceTimersByTime(1_000);
  expect(of(sent, "held")).toHaveLength(5);
  expect(of(sent, "held").at(-1)).toMatchObject({ buttons: 0b100, keys: [17] });
  sender.key(17, false);
  sender.button(2, false);
  vi.advanceTimersByTime(1_000);
  expect(of(sent, "held")).toHaveLength(5);
});

describe("motion", () => {
  it("is sent at once, then at most every 2 ms, the newest alone", () => {
    const { sent, sender } = recorded();
    for (let x = 0; x < 10; x++) sender.move({ x, y: 0 });
    expect(of(sent, "move").map(({ x }) => x)).toEqual([0]);
    vi.advanceTimersByTime(2);
    expect(of(sent, "move").map(({ x }) => x)).toEqual([0, 9]);
  });

  it("adds up under pointer lock, so that a lost message loses nothing", () => {
    const { sent, sender } = recorded();
    sender.turn(1, -1);
    sender.turn(0.5, 0);
    vi.advanceTimersByTime(2);
    expect(of(sent, "turn").map(({ dx, dy }) => [dx, dy])).toEqual([
      [16, -16],
      [24, -16],
    ]);
  });

  it("is told once more when it has come to rest, and then never again", () => {
    const { sent, sender } = recorded();
    sender.move({ x: 7, y: 7 });
    vi.advanceTimersByTime(10_000);
    expect(of(sent, "move").map(({ x, seq }) => [x, seq])).toEqual([
      [7, 1],
      [7, 2],
    ]);
  });

  it("comes before a key that was pressed after it", () => {
    const { sent, sender } = recorded();
    sender.move({ x: 1, y: 1 });
    sender.move({ x: 2, y: 2 });
    sender.key(17, true);
    expect(sent.map(({ type }) => type)).toEqual(["move", "move", "key"]);
  });

  it("does not follow a button that named its place", () => {
    const { sent, sender } = recorded();
    sender.move({ x: 1, y: 1 });
    sender.move({ x: 2, y: 2 });
    sender.button(0, true, { x: 3, y: 3 });
    sender.button(0, false, { x: 3, y: 3 });
    vi.advanceTimersByTime(1_000);
    expect(sent.map(({ type }) => type)).toEqual(["move", "button", "button"]);
  });
});

it("cuts long text between characters, at most 256 octets each", () => {
  const { sent, sender } = recorded();
  sender.text("漢".repeat(100));
  const parts = of(sent, "text").map(({ text }) => text);
  expect(parts.join("")).toBe("漢".repeat(100));
  for (const part of parts) expect(new TextEncoder().encode(part).length).toBeLessThanOrEqual(256);
});

it("holds at most 32 keys, and releases them with one message", () => {
  const { sent, sender } = recorded();
  for (let code = 1; code <= 40; code++) sender.key(code, true);
  expect(of(sent, "key")).toHaveLength(32);
  sender.release();
  expect(sender.heldKeys.size).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(of(sent, "held")).toEqual([]);
});

it("refuses a sixth button, and starts anew on a new connection", () => {
  const { sent, sender } = recorded();
  sender.button(5, true);
  expect(sent).toEqual([]);
  sender.turn(3, 3);
  sender.restart();
  sender.turn(1, 1);
  vi.advanceTimersByTime(2);
  expect(of(sent, "turn").at(-1)).toMatchObject({ seq: 1, dx: 16 });
});
