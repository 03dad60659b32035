import type { ReadingFault } from "./reader.js";

/** What the bench page sends to `nearlight bench glass`: raw samples. Times are performance.now() milliseconds. */
export interface BenchReport {
  readonly frames: readonly FrameRecord[];
  readonly inputs: readonly InputRecord[];
  /** Edge clock = performance.now() * 1000 + offset_us, by the ping of the shortest round trip. */
  readonly clock: { readonly offset_us: number; readonly rtt_us: number } | null;
  /** Milliseconds each, by name. */
  readonly stages: Readonly<Record<string, number>>;
  /** Milliseconds from the navigation's start to the first frame that was presented. */
  readonly first_frame_ms: number | null;
  /** What reading the markers cost the page, so that its share in the figures can be judged. */
  readonly reading: { readonly method: string; readonly held_ms: Quantiles; readonly waited_ms: Quantiles };
  readonly userAgent: string;
  /** Why there is nothing, or not all, to report. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

export interface FrameRecord {
  readonly rtp: number;
  readonly now: number;
  readonly presentation: number;
  readonly received: number;
  /** Null where none was read: see fault. */
  readonly marker: { readonly time: number; readonly input: number; readonly frame: number } | null;
  readonly fault: ReadingFault | null;
  /** How long it was decoded. */
  readonly processing: number;
  readonly w: number;
  readonly h: number;
  readonly presentedFrames: number;
}

export interface InputRecord {
  readonly seq: number;
  readonly at: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (fraction: number) => sorted[Math.min(Math.floor(sorted.length * fraction), sorted.length - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
