import type { VideoNotice } from "./control/notice.js";
import type { Stats } from "./media/stats.js";

/**
 * Where it lies that the game is not as it should be: the player's network, the route from there to the machine, the machine, or the
 * player's device.
 */
export type Where = "network" | "route" | "edge" | "device";

export interface Cause {
  readonly where: Where;
  /** What is wrong, in a sentence for the player that begins with where it lies. */
  readonly sentence: string;
  /** The figures that say so, with their units. */
  readonly figures: readonly string[];
}

/** What is known of the last second. */
export interface Signs {
  /** Milliseconds for which nothing was heard of the edge, once that is too long; null while it is heard. */
  readonly silence: number | null;
  /** Whether the browser believes that it has a network. */
  readonly online: boolean;
  /** Whether signaling answers; null while it was not asked. */
  readonly signaling: boolean | null;
  /** Null while there are none. */
  readonly stats: Stats | null;
  /** What the edge means to send; null while it does not say. */
  readonly video: VideoNotice | null;
  /** Frames that came in this second and were not shown. */
  readonly dropped: number;
}

/** Decoding that takes more of a frame's time than this makes frames wait for each other. */
const DECODE_SHARE = 0.8;
/** A frame in twelve left out is seen as a stutter. */
const DROPPED_SHARE = 1 / 12;
/** Pictures that wait for three frames' time at 60 frames a second are felt. */
const QUEUE_MS = 50;
/** Repeats make good for a lost packet in a hundred, one round trip late; for more of them there is always one late. */
const LOSS_SHARE = 0.02;
/** Two frames' time at 60 frames a second. */
const JITTER_MS = 33;
/** From here on players of fast games complain. */
const FAR_MS = 100;

/** Names what is wrong, if anything is. Pure; of several things that are wrong the one is named that explains the others. */
export function causeOf({ silence, online, signaling, stats, video, dropped }: Signs): Cause | null {
  if (silence !== null) {
    const heard = silence < 1_000 ? [] : [`nothing heard for ${(silence / 1000).toFixed(0)} s`];
    if (!online) return cause("network", "is down: this device is offline.", heard);
    if (signaling) return cause("route", "is broken; the server can still be reached.", heard);
    return cause("network", "is gone: neither the machine nor the server can be heard.", heard);
  }
  if (stats === null) return null;
  const { link, jitter, roundTrip, edgeStages } = stats;
  const frameRate = video?.frameRate ?? 0;
  const interval = 1000 / frameRate; // endless while nothing is known of it
  const work = (edgeStages["capture_convert"]?.p50 ?? 0) + (edgeStages["encode"]?.p50 ?? 0);
  if (video?.limit === "edge" || work > interval) {
    return cause("edge", "cannot keep up with the game.", [`${ms(work)} of work a picture`, `${frameRate} fps`]);
  }
  const decode = stats.latency?.decode ?? 0;
  if (video?.limit === "device" || decode > DECODE_SHARE * interval) {
    return cause("device", "takes too long to decode the pictures.", [`${ms(decode)} a picture of ${ms(interval)}`]);
  }
  const passes = link === null ? [] : [`${ms(link.queue)} in line`, `${(link.target / 1e6).toFixed(1)} Mbit/s pass`];
  if ((link?.leftOut ?? 0) > 0) {
    return cause("network", "carries too little for all pictures: some are left out.", [
      `${link?.leftOut} left out`,
      ...passes,
    ]);
  }
  if (link?.state === "competing") return cause("network", "is filled by something else.", passes);
  if ((link?.queue ?? 0) >= QUEUE_MS) return cause("network", "is full: pictures wait in line.", passes);
  if (video?.limit === "link") return cause("network", "carries too little for the whole picture.", passes);
  const uneven = jitter >= JITTER_MS;
  const loss = Math.max(stats.loss, link?.loss ?? 0);
  const lossy = loss >= LOSS_SHARE;
  const figures = [...(lossy ? [`${(loss * 100).toFixed(0)} % lost`] : []), `${ms(jitter)} jitter`];
  if (uneven) return cause("network", "is uneven. A cable, or a place nearer to the Wi-Fi, helps.", figures);
  if (lossy) return cause("route", "loses packets.", figures);
  if ((roundTrip ?? 0) >= FAR_MS) return cause("route", "is long.", [`${ms(roundTrip ?? 0)} round trip`]);
  if (dropped > Math.max(stats.fps, frameRate / 2) * DROPPED_SHARE) {
    return cause("device", "leaves out pictures that came in time.", [`${dropped} left out a second`]);
  }
  return null;
}

const NAMES: Readonly<Record<Where, string>> = {
  network: "Your network",
  route: "The route to the machine",
  edge: "The edge, which runs the game,",
  device: "Your device",
};

function cause(where: Where, does: string, figures: readonly string[]): Cause {
  return { where, sentence: `${NAMES[where]} ${does}`, figures };
}

const ms = (value: number) => `${value.toFixed(0)} ms`;

/** Seconds in a row for which something is wrong before it is told, and right before it is forgotten. */
const APPEARS_AFTER = 3;
const GONE_AFTER = 4;

/** What is told of causes: a moment's trouble is nothing, and what was told stays until it is over for good. */
export class CauseTeller {
  #told: Cause | null = null;
  #other: Cause | null = null;
  #seconds = 0;

  /** Takes the cause of the last second and returns what is told. at once: there is no doubt, as with silence. */
  observe(now: Cause | null, atOnce = false): Cause | null {
    const patience = now === null ? GONE_AFTER : APPEARS_AFTER;
    this.#seconds = now?.where === this.#other?.where ? this.#seconds + 1 : 1;
    this.#other = now;
    const told = now?.sentence === this.#told?.sentence; // with the newest figures
    if (told || atOnce || this.#seconds >= patience) this.#told = now;
    return this.#told;
  }
}
