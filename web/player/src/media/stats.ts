import type { EdgeClock } from "../clock.js";
import type { LinkFigures, StatsNotice } from "../control/notice.js";
import type { FrameSample } from "./frames.js";

/** Where the time from the game's drawing to the screen goes, in milliseconds; the medians of the last second. */
export interface Latency {
  /** From capture to presentation, all below included. */
  readonly total: number;
  /** Capture, conversion, encoding and sending, as the edge says; null until it does. */
  readonly edge: number | null;
  /** From there to the last packet's arrival; holds the edge's part as well while that is not known. */
  readonly network: number;
  /** Waiting for the decoder and decoding. */
  readonly decode: number;
  /** From the decoder to the screen. */
  readonly present: number;
}

/** What the player experiences, once a second. */
export interface Stats {
  readonly fps: number;
  /** Bits per second. */
  readonly bitrate: number;
  /** Milliseconds; null before it was measured. */
  readonly roundTrip: number | null;
  /** How unevenly packets come, in milliseconds (RFC 3550 section 6.4.1). */
  readonly jitter: number;
  /** The share of packets of the last second that never came, 0 to 1. */
  readonly loss: number;
  /** Null while the clocks have not been compared, or nothing was presented. */
  readonly latency: Latency | null;
  /** The edge's own stages, by its names. */
  readonly edgeStages: StatsNotice["stages"];
  /** What the edge makes of the way to the player; null until it says. */
  readonly link: LinkFigures | null;
  /** Times since the beginning that the picture stood for over 100 ms while frames came. */
  readonly freezes: number;
  /** Frames since the beginning that came and were never shown. */
  readonly dropped: number;
  /** Packets since the beginning that never came. */
  readonly lost: number;
  readonly width: number;
  readonly height: number;
}

/** A gap after which a person sees that the picture stood. */
const FREEZE_MS = 100;

/** What the receiver counts, from RTCStatsReport. */
export interface ReceiverCounts {
  readonly bytes: number;
  readonly dropped: number;
  readonly lost: number;
  /** Packets that came. */
  readonly received: number;
  /** Milliseconds. */
  readonly jitter: number;
}

/** Gathers frames into a summary a second. Pure: instants come from the caller. */
export class StatsMeter {
  #latencies: Latency[] = [];
  #frames = 0;
  #freezes = 0;
  #last: FrameSample | null = null;
  #edge: StatsNotice | null = null;
  #since: number;
  #before: ReceiverCounts | null = null;

  constructor(now: number) {
    this.#since = now;
  }

  /** Takes a presented frame, and the edge's clock as known when it came. */
  frame(frame: FrameSample, clock: EdgeClock): void {
    const last = this.#last;
    this.#last = frame;
    this.#frames += last === null ? 1 : Math.max(1, frame.count - last.count);
    if (last !== null && frame.presented - last.presented > FREEZE_MS && changedWhile(last, frame)) this.#freezes++;
    const latency = this.#latency(frame, clock);
    if (latency !== null) this.#latencies.push(latency);
  }

  /** Takes what the edge says of its own stages. */
  edge(notice: StatsNotice): void {
    this.#edge = notice;
  }

  /** A connection came back: what stood meanwhile was told as a reconnection, and its counters start anew. */
  reconnected(): void {
    this.#last = null;
    this.#before = null;
  }

  /** Sums up what came since the last call. */
  summary(now: number, counts: ReceiverCounts, clock: EdgeClock): Stats {
    const seconds = Math.max(now - this.#since, 1) / 1000;
    const roundTrip = clock.roundTrip;
    const grown = (name: "bytes" | "lost" | "received") => Math.max(counts[name] - (this.#before?.[name] ?? 0), 0);
    const [lost, received] = [grown("lost"), grown("received")];
    const stats: Stats = {
      fps: this.#frames / seconds,
      bitrate: (grown("bytes") * 8) / seconds,
      roundTrip: roundTrip === null ? null : roundTrip / 1000,
      jitter: counts.jitter,
      loss: lost === 0 ? 0 : lost / (lost + received),
      latency: median(this.#latencies),
      edgeStages: this.#edge?.stages ?? {},
      link: this.#edge?.link ?? null,
      freezes: this.#freezes,
      dropped: counts.dropped,
      lost: counts.lost,
      width: this.#last?.width ?? 0,
      height: this.#last?.height ?? 0,
    };
    this.#since = now;
    this.#before = counts;
    this.#frames = 0;
    this.#latencies = [];
    return stats;
  }

  #latency(frame: FrameSample, clock: EdgeClock): Latency | null {
    const captured = frame.rtp === 0 ? null : clock.captureTime(frame.rtp, frame.presented);
    if (captured === null) return null;
    const edge = edgePart(this.#edge);
    return {
      total: frame.presented - captured,
      edge,
      network: Math.max(frame.received - captured - (edge ?? 0), 0),
      decode: frame.decode,
      present: Math.max(frame.presented - frame.received - frame.decode, 0),
    };
  }
}

/** An edge sends nothing while nothing changes: a gap is a freeze only where frames were captured in it. */
function changedWhile(before: FrameSample, after: FrameSample): boolean {
  const capturedApart = ((after.rtp - before.rtp) >>> 0) / 90;
  return after.count - before.count > 1 || capturedApart < (after.presented - before.presented) / 2;
}

/** From the damage to the last packet sent, as the edge measured it lately. */
function edgePart(notice: StatsNotice | null): number | null {
  const [encode, overhead] = [notice?.stages["encode"], notice?.stages["edge_overhead"]];
  return encode === undefined || overhead === undefined ? null : encode.p50 + overhead.p50;
}

/** The median of each part by itself; the parts' sum is near the total's, not equal to it. */
function median(all: readonly Latency[]): Latency | null {
  if (all.length === 0) return null;
  const of = (part: (latency: Latency) => number) => {
    const sorted = all.map(part).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  };
  const edges = all.filter((latency) => latency.edge !== null);
  return {
    total: of((l) => l.total),
    edge: edges.length === 0 ? null : (edges.at(-1)?.edge ?? null),
    network: of((l) => l.network),
    decode: of((l) => l.decode),
    present: of((l) => l.present),
  };
}
