import type { LinkFigures } from "./control/notice.js";

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

/** What is known of the last second. Times are milliseconds. */
export interface Signs {
  /** How long nothing was heard of the edge, once that is too long; null while it is heard. */
  readonly silence: number | null;
  /** Whether the browser believes that it has a network. */
  readonly online: boolean;
  /** Whether signaling answers; null while it was not asked. */
  readonly signaling: boolean | null;
  readonly fps: number;
  /** Frames per second that the edge means to send; 0 while it does not say. */
  readonly frameRate: number;
  /** Whose doing it is that these are fewer, or smaller, than was asked for: "edge", "link" or "". */
  readonly limit: string;
  /** The machine's work for a frame; null while it does not say. */
  readonly work: number | null;
  readonly link: LinkFigures | null;
  readonly roundTrip: number | null;
  readonly jitter: number;
  /** Share of packets that never came, 0 to 1. */
  readonly loss: number;
  /** Of a frame; null where none was shown. */
  readonly decode: number | null;
  /** Frames of the last second that came and were not shown. */
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
export function causeOf(signs: Signs): Cause | null {
  const { silence, link, loss, jitter, roundTrip, decode } = signs;
  if (silence !== null) {
    const heard = silence < 1_000 ? [] : [`nothing heard for ${(silence / 1000).toFixed(0)} s`];
    if (!signs.online) return cause("network", "Your network is down: this device is offline.", ...heard);
    if (signs.signaling === true)
      return cause("route", "The route to the machine is broken; the server can still be reached.", ...heard);
    return cause("network", "Your network is gone: neither the machine nor the server can be heard.", ...heard);
  }
  const interval = signs.frameRate === 0 ? 0 : 1000 / signs.frameRate;
  const slow = signs.work !== null && signs.work > interval;
  if (signs.limit === "edge" || (interval > 0 && slow)) {
    const work = signs.work === null ? [] : [`${ms(signs.work)} of work a picture`];
    return cause("edge", "The edge, which runs the game, cannot keep up.", ...work, rate(signs.frameRate));
  }
  if (decode !== null && interval > 0 && decode > DECODE_SHARE * interval) {
    return cause("device", "Your device takes too long to decode the pictures.", `${ms(decode)} a picture of ${ms(interval)}`);
  }
  if (link !== null) {
    const line = [`${ms(link.queue)} in line`, `${megabits(link.target)} pass`];
    if (link.state === "competing") return cause("network", "Your network is filled by something else.", ...line);
    if (link.queue >= QUEUE_MS) return cause("network", "Your network is full: pictures wait in line.", ...line);
  }
  if (signs.limit === "link") {
    const passes = link === null ? [] : [`${megabits(link.target)} pass`];
    return cause("network", "Your network carries too little for the whole picture.", ...passes);
  }
  const uneven = jitter >= JITTER_MS;
  const lost = Math.max(loss, link?.loss ?? 0);
  if (lost >= LOSS_SHARE) {
    const figures = [`${(lost * 100).toFixed(0)} % lost`, ...(uneven ? [`${ms(jitter)} jitter`] : [])];
    if (uneven)
      return cause("network", "Your network loses packets. A cable, or a place nearer to the Wi-Fi, helps.", ...figures);
    return cause("route", "The route to the machine loses packets.", ...figures);
  }
  if (uneven) {
    return cause("network", "Your network is uneven. A cable, or a place nearer to the Wi-Fi, helps.", `${ms(jitter)} jitter`);
  }
  if (roundTrip !== null && roundTrip >= FAR_MS) {
    return cause("route", "The route to the machine is long.", `${ms(roundTrip)} round trip`);
  }
  if (interval > 0 && signs.dropped > Math.max(signs.fps, signs.frameRate / 2) * DROPPED_SHARE) {
    return cause(
      "device",
      "Your device leaves out pictures that came in time.",
      `${signs.dropped.toFixed(0)} left out a second`,
    );
  }
  return null;
}

function cause(where: Where, sentence: string, ...figures: string[]): Cause {
  return { where, sentence, figures };
}

const ms = (value: number) => `${value.toFixed(0)} ms`;
const rate = (framesPerSecond: number) => `${framesPerSecond.toFixed(0)} fps`;
const megabits = (bitsPerSecond: number) => `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;

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
    if (now?.where === this.#told?.where && now?.sentence === this.#told?.sentence) {
      this.#told = now; // with the newest figures
      this.#seconds = 0;
      this.#other = null;
      return now;
    }
    this.#seconds = now?.where === this.#other?.where ? this.#seconds + 1 : 1;
    this.#other = now;
    if (this.#seconds >= (now === null ? GONE_AFTER : APPEARS_AFTER) || (atOnce && now !== null)) {
      this.#told = now;
      this.#seconds = 0;
    }
    return this.#told;
  }
}
