import { expect, test } from "vitest";
import { framesOf, Playout } from "./direct.js";

const RATE = 48_000;
const MS = RATE / 1000;
const FRAME = 10 * MS;
const QUANTUM = 128;

/** A network and an audio device on one clock, in samples: frames of 10 ms come, quanta of 128 samples are taken. */
class Room {
  readonly playout = new Playout();
  readonly heard: number[] = [];
  #sent = 0;
  #due: number[] = [];
  #now = 0;
  /** How much faster the device's clock is than the sender's. */
  readonly drift: number;

  constructor(drift = 0) {
    this.drift = drift;
  }

  /** Lets so much time pass, in which frames come after delays of late(). */
  run(milliseconds: number, late: (n: number) => number, sends = true): void {
    const end = this.#now + milliseconds * MS;
    for (; this.#now < end; this.#now += QUANTUM) {
      while (sends && this.#sent * FRAME * (1 + this.drift) <= this.#now) {
        this.#due.push(this.#now + late(this.#sent) * MS);
        this.#sent++;
      }
      if (!sends) this.#sent = Math.ceil(this.#now / FRAME / (1 + this.drift));
      while (this.#due[0] !== undefined && this.#due[0] <= this.#now) {
        this.#due.shift();
        const samples = new Float32Array(FRAME).map(
          (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * (this.#came * FRAME + i)) / RATE),
        );
        this.#came++;
        this.playout.push(samples, samples.slice());
      }
      const [left, right] = [new Float32Array(QUANTUM), new Float32Array(QUANTUM)];
      this.playout.pull(left, right);
      this.heard.push(...left);
    }
  }
  #came = 0;

  /** The largest step between two samples of late, which of a tone of 440 Hz is 0.03. */
  roughest(milliseconds: number): number {
    const of = this.heard.slice(-milliseconds * MS);
    return of.reduce((most, sample, i) => Math.max(most, i === 0 ? 0 : Math.abs(sample - (of[i - 1] ?? 0))), 0);
  }

  waiting(): number {
    return this.playout.waiting / MS;
  }
}

const even = () => 0;

test("what comes evenly is heard as it came, after a short wait", () => {
  const room = new Room();
  room.run(5_000, even);
  expect(room.playout.underruns).toBe(0);
  expect(room.waiting()).toBeLessThan(25);
  expect(room.roughest(4_900)).toBeLessThan(0.035);
});

test("a wait that was too short grows until it is enough, and shrinks again", () => {
  const room = new Room();
  let seed = 1;
  const uneven = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return (30 * seed) / 2_147_483_647;
  };
  const inOrder = (() => {
    let last = 0;
    return () => {
      last = Math.max(last - 10, uneven());
      return last;
    };
  })();
  room.run(20_000, inOrder);
  const before = room.playout.underruns;
  room.run(20_000, inOrder);
  expect(room.playout.underruns - before).toBeLessThan(3);
  expect(room.waiting()).toBeLessThan(70);
  room.run(120_000, even);
  expect(room.waiting()).toBeLessThan(25);
});

test.each([-300e-6, 300e-6])("clocks that are %d apart neither starve it nor pile up", (drift) => {
  const room = new Room(drift);
  room.run(5_000, even);
  const before = room.playout.underruns;
  for (let minute = 0; minute < 3; minute++) {
    room.run(60_000, even);
    expect(room.waiting()).toBeLessThan(30);
    room.heard.length = 0;
  }
  expect(room.playout.underruns - before).toBeLessThan(3);
  expect(room.playout.jumps).toBe(0);
});

test("a pause is no underrun", () => {
  const room = new Room();
  room.run(2_000, even);
  const reserve = room.playout.reserve;
  for (let round = 0; round < 5; round++) {
    room.playout.pause();
    room.run(700, even, false);
    room.run(1_000, even);
  }
  expect(room.playout.underruns).toBe(0);
  expect(room.playout.reserve).toBeLessThanOrEqual(reserve);
  expect(room.roughest(600)).toBeLessThan(0.035);
});

test("a stall ends in the wait that there was", () => {
  const room = new Room();
  room.run(3_000, even);
  room.run(400, (n) => 400 - ((n * 10) % 400));
  room.run(4_000, even);
  expect(room.waiting()).toBeLessThan(40);
});

test("too much at once does not pile up", () => {
  const playout = new Playout();
  const samples = new Float32Array(FRAME);
  for (let n = 0; n < 1_000; n++) playout.push(samples, samples);
  expect(playout.waiting).toBeLessThanOrEqual(RATE);
  playout.push(new Float32Array(RATE), new Float32Array(RATE));
  expect(playout.waiting).toBeLessThanOrEqual(RATE);
});

test("a packet's frames are taken apart, oldest first", () => {
  const frames = framesOf(Uint8Array.of(0xf8, 0x07, 0x80, 2, 0x78, 1, 2, 3), 1_000, true);
  expect(frames).toEqual([
    { timestamp: 520, data: Uint8Array.of(1, 2) },
    { timestamp: 1_000, data: Uint8Array.of(3) },
  ]);
  expect(framesOf(Uint8Array.of(1, 2), 7, false)).toEqual([{ timestamp: 7, data: Uint8Array.of(1, 2) }]);
});

test.each([[[]], [[0xf8]], [[0xf8, 7, 0x80, 9, 0x78, 1]], [[0xf8, 7, 0x80, 9]]])(
  "%j is no packet of several frames",
  (octets) => {
    expect(framesOf(Uint8Array.from(octets), 0, true)).toEqual([]);
  },
);
