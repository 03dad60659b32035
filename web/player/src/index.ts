/**
 * `@nearlight/player`: play a game that an edge near you renders.
 *
 *     const session = connect({ signal: "https://play.example", token, element: document.querySelector("#game")! });
 *     button.onclick = () => session.play();
 *
 * This file is the API; nothing else of the package is.
 */
import type { SessionKey } from "./binding/keys.js";
import type { ConnectOptions } from "./options.js";
import { Session } from "./session.js";

export type { SessionKey } from "./binding/keys.js";
export { apps, type CatalogueOptions, type InstallOptions, install } from "./catalogue.js";
export type { Cause, Where } from "./cause.js";
export type { ClockReading } from "./clock.js";
export type {
  AppNotice,
  AudioNotice,
  LinkFigures,
  Notice,
  OtherNotice,
  Percentiles,
  StatsNotice,
  VideoNotice,
} from "./control/notice.js";
export { type ErrorInfo, PlayerError } from "./errors.js";
export type { SessionEvents } from "./events.js";
export type { Input } from "./input/input.js";
export type { PointerMode } from "./input/pointerlock.js";
export { decodeMarker, MARKER_HEIGHT, MARKER_WIDTH, type Marker, type MarkerFault } from "./marker.js";
export type { DirectFigures } from "./media/directsound.js";
export type { FrameSample } from "./media/frames.js";
export type { Microphone } from "./media/microphone.js";
export type { Sound } from "./media/speaker.js";
export type { Latency, Stats } from "./media/stats.js";
export type { ConnectOptions } from "./options.js";
export type { Session } from "./session.js";
export type { App, Size } from "./signaling/messages.js";
export { STAGES, type Stage, type StageTime } from "./stages.js";
export type { VideoCodec } from "./support.js";

/**
 * Starts a session. Returns at once: listen to its events, call play() from a gesture of the player's, and close() in the
 * end. It does not throw; what goes wrong comes as the event "error".
 */
export function connect(options: ConnectOptions): Session {
  return new Session(options);
}

/**
 * Makes a session's key, for a back end that signs tokens for that key alone: the page sends it the address, gets the token, and passes
 * both key and token to connect(). Whoever sees such a token cannot use it.
 */
export async function createSessionKey(): Promise<SessionKey> {
  const { newKey } = await import("./binding/bond.js");
  return newKey();
}
