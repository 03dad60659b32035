import type { Cause } from "./cause.js";
import type { Notice } from "./control/notice.js";
import type { ErrorInfo, PlayerError } from "./errors.js";
import type { FrameSample } from "./media/frames.js";
import type { Microphone } from "./media/microphone.js";
import type { Sound } from "./media/speaker.js";
import type { Stats } from "./media/stats.js";
import type { Stage, StageTime } from "./stages.js";

/** What a session tells its page. */
export interface SessionEvents {
  /** A stage began or says more about itself. */
  stage: { readonly stage: Stage; readonly detail: string; readonly stages: readonly StageTime[] };
  /** The game is on the screen, for the first time or again after the connection was lost. */
  playing: { readonly resumed: boolean; readonly stages: readonly StageTime[] };
  /** Once a second while playing. */
  stats: Stats;
  /** What makes the game worse than it should be, with its newest figures once a second; null once it is over. */
  cause: Cause | null;
  /** Every presented frame. */
  frame: FrameSample;
  /** The connection is lost; the last frame stands. Once a second until it is back or time is up. */
  reconnecting: { readonly secondsLeft: number };
  /** All machines are in use. 1 is the next in line; estimate is in seconds, null where nobody knows. Told again when it changes. */
  queued: { readonly position: number; readonly waiting: number; readonly estimate: number | null };
  /** The edge cannot go on, and another is being found: stages come again, and the game begins anew. */
  moved: { readonly reason: ErrorInfo };
  /** What the edge tells. */
  notice: Notice;
  /** What is heard has changed: there is sound now or none, it was muted or not, by the page or by the browser. */
  sound: Sound;
  /** Whether the game hears the player has changed, or whether it could. */
  microphone: Microphone;
  /** Whether the pointer is locked. */
  pointer: { readonly locked: boolean };
  /** The session ended as sessions do: the game was quit, or the edge is being stopped. Nothing follows. */
  ended: { readonly reason: ErrorInfo; readonly output: readonly string[] };
  /** The session failed. Nothing follows. */
  error: PlayerError;
}
