import { PlayerError } from "./errors.js";
import type { Size } from "./signaling/messages.js";

/** Video formats by their names on the wire. */
export type VideoCodec = "h264" | "hevc" | "av1" | "vp9" | "vp8";

/** All formats that an edge may send. The edge chooses; the order only counts between those that it likes equally. */
export const VIDEO_CODECS: readonly VideoCodec[] = ["h264", "hevc", "av1", "vp9", "vp8"];

const MIME: Readonly<Record<VideoCodec, string>> = {
  h264: "video/H264",
  hevc: "video/H265",
  av1: "video/AV1",
  vp9: "video/VP9",
  vp8: "video/VP8",
};

/** What a stream is asked about that nobody has said the size of. */
const TYPICAL_SIZE: Size = { width: 1280, height: 720 };
const TYPICAL_RATE = { framerate: 60, bitrate: 8_000_000 };
/** An answer takes some milliseconds; a browser that is busy must not delay the game for it. */
const ANSWER_TIMEOUT_MS = 150;

/**
 * Those of wanted that this browser decodes, in the order given. Throws "no-codec" where it is none, "no-webrtc" or "old-browser"
 * where the browser lacks what every session needs.
 */
export function decodable(wanted: readonly VideoCodec[]): VideoCodec[] {
  if (typeof RTCPeerConnection === "undefined" || typeof RTCRtpReceiver === "undefined") throw PlayerError.of("no-webrtc");
  if (!("requestVideoFrameCallback" in HTMLVideoElement.prototype)) throw PlayerError.of("old-browser");
  const known = new Set(RTCRtpReceiver.getCapabilities("video")?.codecs.map((codec) => codec.mimeType.toLowerCase()));
  const found = wanted.filter((codec) => known.has(MIME[codec].toLowerCase()));
  if (found.length === 0) throw PlayerError.of("no-codec");
  return found;
}

/** What a player adds to "h264" where it decodes that in 4:4:4, which only some edges code. */
const H264_IN_444 = "h264yuv444";
/** profile_idc 244 (High 4:4:4 Predictive) without constraints, whatever the level: RFC 6184 section 8.1. */
const HIGH_444 = /profile-level-id=f400/i;

/** What to tell an edge of the formats chosen: their names, and of H.264 whether 4:4:4 is decoded. */
export function named(codecs: readonly VideoCodec[]): string[] {
  const known = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const full = codecs.includes("h264") && known.some((codec) => HIGH_444.test(codec.sdpFmtpLine ?? ""));
  return full ? [...codecs, H264_IN_444] : [...codecs];
}

/** How well a browser decodes a format, as MediaCapabilities says. */
export interface Decoding {
  readonly supported: boolean;
  readonly smooth: boolean;
}

/**
 * Without the formats that this browser cannot show smoothly at such a size, unless that is all of them: a browser that does
 * not know, or does not answer in time, is believed to decode what it names.
 */
export async function smoothest(codecs: readonly VideoCodec[], size: Size = TYPICAL_SIZE): Promise<VideoCodec[]> {
  const answers = await Promise.all(codecs.map((codec) => answer(MIME[codec], size)));
  const smooth = codecs.filter((_, i) => answers[i]?.smooth ?? true);
  return smooth.length > 0 ? smooth : [...codecs];
}

async function answer(contentType: string, { width, height }: Size): Promise<Decoding | null> {
  if (!("mediaCapabilities" in navigator)) return null;
  const asked = navigator.mediaCapabilities.decodingInfo({
    type: "webrtc",
    video: { contentType, width, height, ...TYPICAL_RATE },
  });
  const late = new Promise<null>((give) => setTimeout(give, ANSWER_TIMEOUT_MS, null));
  // A browser that does not know the type "webrtc" refuses the question.
  return await Promise.race([asked, late]).catch(() => null);
}
