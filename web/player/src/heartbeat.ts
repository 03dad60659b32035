import { Emitter } from "./emitter.js";

interface Events {
  /** Nothing was heard for MISSING_MS. */
  missing: undefined;
  /** It was missing, and is heard again. */
  back: undefined;
}

/** Three beats of an edge that sends two a second; with signaling's answer, a second at most, the verdict falls within 3 s. */
export const MISSING_MS = 1_500;

/** Watches for an edge's sign of life, from watch() or the first beat until stop(). */
export class Heartbeat extends Emitter<Events> {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #missing = false;

  /** A beat is due from now on: an edge may be lost before its first. */
  watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#missing = true;
      this.emit("missing", undefined);
    }, MISSING_MS);
  }

  /** A beat was heard. */
  beat(): void {
    this.watch();
    if (!this.#missing) return;
    this.#missing = false;
    this.emit("back", undefined);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#missing = false;
  }
}
