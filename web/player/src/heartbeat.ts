import { Emitter } from "./emitter.js";

interface Events {
  /** Nothing was heard for MISSING_MS. */
  missing: undefined;
  /** It was missing, and is heard again. */
  back: undefined;
}

/** Three beats of an edge that sends two a second; with signaling's answer, a second at most, the verdict falls within 3 s. */
export const MISSING_MS = 1_500;

/** One beat, and what the network may hold it up. */
const HURRY_MS = 800;

/** Watches for an edge's sign of life, from watch() or the first beat until stop(). */
export class Heartbeat extends Emitter<Events> {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #missing = false;

  /** A beat is due from now on: an edge may be lost before its first. */
  watch(within: number = MISSING_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#missing = true;
      this.emit("missing", undefined);
    }, within);
  }

  /** There is reason to fear that no beat comes: the next one is waited for, and no longer. */
  hurry(): void {
    if (this.#timer !== undefined && !this.#missing) this.watch(HURRY_MS);
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
    this.#timer = undefined;
    this.#missing = false;
  }
}
