/** What an edge tells the player beside pictures. Unknown kinds come from a newer edge and are passed on as they are. */
export type Notice = AppNotice | VideoNotice | AudioNotice | StatsNotice | OtherNotice;

export interface AppNotice {
  readonly kind: "app";
  readonly state: "starting" | "running" | "exited";
  readonly title: string;
  readonly detail: string;
}

export interface VideoNotice {
  readonly kind: "video";
  readonly encoder: string;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Why it is less than was asked for, or "". */
  readonly reason: string;
  /** Why no encoder that the edge would rather use is at work, or "". */
  readonly instead: string;
  /** Whose doing the reason is: "edge" or "link"; "" for nobody's. */
  readonly limit: string;
}

/** Whether there is sound to hear from now on. */
export interface AudioNotice {
  readonly kind: "audio";
  readonly state: "on" | "off";
  /** Why there is none, or "". */
  readonly reason: string;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

export interface StatsNotice {
  readonly kind: "stats";
  /** Milliseconds by stage: capture_convert, encode, edge_overhead and others, each once it was measured. */
  readonly stages: Readonly<Record<string, Percentiles>>;
  readonly bitrate: number;
  readonly frames: number;
  readonly dropped: number;
  /** What the edge's congestion control makes of the way to the player; null while it does not say. */
  readonly link: LinkFigures | null;
}

/** Bits per second, milliseconds, and shares from 0 to 1. */
export interface LinkFigures {
  /** Such as "steady", "draining" or "competing". */
  readonly state: string;
  /** Why the rate was last cut, such as "queueing" or "loss"; "none" before the first time. */
  readonly cause: string;
  /** What may be sent. */
  readonly target: number;
  /** What pictures were seen to pass at; 0 before the first. */
  readonly capacity: number;
  /** How long packets wait on the way. */
  readonly queue: number;
  readonly loss: number;
  /** Pictures that one who looks on was not sent in the last second, since the way does not carry them. */
  readonly leftOut: number;
}

export interface OtherNotice {
  readonly kind: "other";
  readonly fields: Readonly<Record<string, unknown>>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads one notice, null where it is malformed. */
export function parseNotice(bytes: Uint8Array): Notice | null {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    return null;
  }
  if (!isFields(value) || typeof value["kind"] !== "string" || value["kind"] === "") return null;
  switch (value["kind"]) {
    case "app":
      return parseApp(value);
    case "video":
      return parseVideo(value);
    case "audio":
      return parseAudio(value);
    case "stats":
      return parseStats(value);
    default:
      return { kind: "other", fields: value };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parseApp(m: Fields): AppNotice | null {
  const state = m["state"];
  if (state !== "starting" && state !== "running" && state !== "exited") return null;
  const title = text(m["title"]);
  const detail = text(m["detail"]);
  return title === null || detail === null ? null : { kind: "app", state, title, detail };
}

function parseVideo(m: Fields): VideoNotice | null {
  const [encoder, codec, reason, instead] = [text(m["encoder"]), text(m["codec"]), text(m["reason"]), text(m["instead"])];
  const limit = text(m["limit"]);
  const [width, height, frameRate] = [amount(m["width"]), amount(m["height"]), amount(m["frameRate"])];
  if (encoder === null || codec === null || reason === null || instead === null || limit === null) return null;
  if (width === null || height === null || frameRate === null) return null;
  return { kind: "video", encoder, codec, width, height, frameRate, reason, instead, limit };
}

function parseAudio(m: Fields): AudioNotice | null {
  const [state, reason] = [m["state"], text(m["reason"])];
  return (state !== "on" && state !== "off") || reason === null ? null : { kind: "audio", state, reason };
}

function parseStats(m: Fields): StatsNotice | null {
  const [bitrate, frames, dropped] = [amount(m["bitrate_bps"]), amount(m["frames"]), amount(m["dropped"])];
  const named = m["stages"] ?? {};
  const link = m["link"] === undefined ? null : parseLink(m["link"]);
  if (bitrate === null || frames === null || dropped === null || !isFields(named) || link === undefined) return null;
  const stages: [string, Percentiles][] = [];
  for (const [name, value] of Object.entries(named)) {
    if (!isFields(value)) return null;
    const [p50, p99] = [amount(value["p50"]), amount(value["p99"])];
    if (p50 === null || p99 === null) return null;
    stages.push([name, { p50, p99 }]);
  }
  return { kind: "stats", stages: Object.fromEntries(stages), bitrate, frames, dropped, link };
}

/** undefined where it is malformed. */
function parseLink(m: unknown): LinkFigures | undefined {
  if (!isFields(m)) return undefined;
  const [state, cause] = [text(m["state"]), text(m["cause"])];
  const names = ["target_bps", "capacity_bps", "queue_ms", "loss", "left_out"];
  const [target, capacity, queue, loss, leftOut] = names.map((name) => amount(m[name]));
  if (state === null || cause === null || target == null || capacity == null) return undefined;
  if (queue == null || loss == null || leftOut == null) return undefined;
  return { state, cause, target, capacity, queue, loss, leftOut };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A string, "" where it is absent, null where it is something else. */
function text(value: unknown): string | null {
  if (value === undefined) return "";
  return typeof value === "string" ? value : null;
}

/** A number of at least 0, 0 where it is absent, null where it is something else. */
function amount(value: unknown): number | null {
  if (value === undefined) return 0;
  return typeof value === "number" && value >= 0 ? value : null;
}
