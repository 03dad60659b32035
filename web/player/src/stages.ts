/** The way from the call to the game, in this order. */
export const STAGES = ["finding", "starting", "connecting", "first-frame", "loading"] as const;

/**
 * finding: signaling looks for an edge. starting: the edge starts display and game. connecting: both look for a network path.
 * first-frame: the first picture is on its way. loading: the game's own, until it draws for the first time.
 */
export type Stage = (typeof STAGES)[number];

export interface StageTime {
  readonly stage: Stage;
  /** Milliseconds it took, or null while it lasts. */
  readonly ms: number | null;
}

/** Keeps the times of the stages. Entering one ends all before it; those that were skipped took no time. */
export class StageClock {
  readonly #entered: { stage: Stage; at: number }[] = [];
  #doneAt: number | null = null;

  enter(stage: Stage, now: number): void {
    const last = this.#entered.at(-1);
    const next = last === undefined ? 0 : STAGES.indexOf(last.stage) + 1;
    for (const passed of STAGES.slice(next, STAGES.indexOf(stage) + 1)) this.#entered.push({ stage: passed, at: now });
  }

  /** Ends the last stage; those not entered took no time. */
  finish(now: number): void {
    if (this.#doneAt !== null) return;
    this.enter("loading", now);
    this.#doneAt = now;
  }

  get current(): Stage | null {
    return this.#doneAt === null ? (this.#entered.at(-1)?.stage ?? null) : null;
  }

  /** All stages entered so far, with their times. */
  get times(): readonly StageTime[] {
    return this.#entered.map(({ stage, at }, i) => {
      const end = this.#entered[i + 1]?.at ?? this.#doneAt;
      return { stage, ms: end === null ? null : end - at };
    });
  }
}
