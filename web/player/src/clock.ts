/**
 * The edge's clock as seen from here. Each ping brings one estimate, off by at most half its round trip; the estimate of
 * the shortest recent round trip is the one that waited least in queues, so it is the one that counts.
 */

export interface ClockReading {
  /** Edge clock less performance.now(), in microseconds. */
  readonly offset: number;
  /** The round trip that the offset was read from, in microseconds. */
  readonly roundTrip: number;
}

/** Pings that are remembered: 10 s of them, in which two clocks drift apart by less than the estimate's own error. */
const WINDOW = 40;

export class EdgeClock {
  readonly #recent: ClockReading[] = [];

  /** Takes a pong: sent and now by this clock, edge by the edge's, all in microseconds. */
  observe(sent: number, edge: number, now: number): void {
    const roundTrip = now - sent;
    if (roundTrip < 0) return;
    this.#recent.push({ offset: edge - (sent + now) / 2, roundTrip });
    if (this.#recent.length > WINDOW) this.#recent.shift();
  }

  /** The best estimate, null before the first pong. */
  get reading(): ClockReading | null {
    let best: ClockReading | null = null;
    for (const reading of this.#recent) if (best === null || reading.roundTrip < best.roundTrip) best = reading;
    return best;
  }

  /** The last round trip in microseconds, null before the first pong. */
  get roundTrip(): number | null {
    return this.#recent.at(-1)?.roundTrip ?? null;
  }

  /**
   * When a frame was captured, in performance.now() milliseconds, from its RTP timestamp: the edge's clock in 90 kHz ticks
   * modulo 2^32. Null before the first pong. near is any instant within 6 h of it.
   */
  captureTime(rtp: number, near: number): number | null {
    const reading = this.reading;
    if (reading === null) return null;
    const ticks = Math.round(((near * 1000 + reading.offset) * 90) / 1000);
    const behind = (((ticks - rtp) % TICKS) + TICKS) % TICKS;
    return near - (behind < TICKS / 2 ? behind : behind - TICKS) / 90;
  }
}

const TICKS = 2 ** 32;

/** Milliseconds as whole microseconds, which the edge counts in. */
export function micros(ms: number): number {
  return Math.round(ms * 1000);
}
