import type { PlayerError } from "./errors.js";

/** How long an edge keeps a session whose player is gone. */
export const HOLD_MS = 30_000;
const PAUSES_MS = [500, 1_000, 2_000, 3_000] as const;

/** Failures after which the next attempt may succeed; any other is the end of the session. */
const TRANSIENT: ReadonlySet<string> = new Set([
  "unreachable",
  "signaling-lost",
  "signaling-timeout",
  "start-timeout",
  "connect-failed",
  "no-picture",
  "rate-limited",
]);

/** Whether trying the same again may help by itself. */
export function transient(error: PlayerError): boolean {
  return TRANSIENT.has(error.code);
}

export interface ReconnectionHooks {
  /**
   * Asks for new ways, and returns how many milliseconds they may take, or opens a new link, which tells by itself that it failed,
   * and returns null. fresh: by a new socket.
   */
  readonly attempt: (fresh: boolean) => number | null;
  /** Called at once and then every second. */
  readonly tick: (secondsLeft: number) => void;
  readonly expired: () => void;
}

/** Decides when a lost session is tried again, and when it is given up. */
export class Reconnection {
  readonly #hooks: ReconnectionHooks;
  #deadline = 0;
  #attempts = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;

  constructor(hooks: ReconnectionHooks) {
    this.#hooks = hooks;
  }

  /** fresh: signaling's socket does not answer either. */
  begin(fresh: boolean): void {
    this.end();
    this.#deadline = performance.now() + HOLD_MS;
    this.#ticker = setInterval(() => this.#tick(), 1_000);
    this.#try(fresh);
    this.#tick();
  }

  /** The network has changed: what did not work may now. */
  hurry(): void {
    if (this.#attempts > 0) this.#schedule(0);
  }

  /** An attempt failed. Plans the next one, or returns false where none can help. */
  failed(error: PlayerError): boolean {
    if (!transient(error)) return false;
    this.#schedule(PAUSES_MS[Math.min(this.#attempts, PAUSES_MS.length) - 1] ?? PAUSES_MS[0]);
    return true;
  }

  /** Idempotent. */
  end(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#ticker);
    this.#attempts = 0;
  }

  #schedule(pause: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#try(true), pause);
  }

  #try(fresh: boolean): void {
    this.#attempts++;
    const patience = this.#hooks.attempt(fresh);
    if (patience !== null) this.#schedule(patience);
  }

  #tick(): void {
    const left = this.#deadline - performance.now();
    if (left > 0) {
      this.#hooks.tick(Math.ceil(left / 1000));
    } else {
      this.end();
      this.#hooks.expired();
    }
  }
}
