import { PlayerError } from "./errors.js";

/** Video formats by their names on the wire. */
export type VideoCodec = "h264" | "vp8" | "vp9" | "av1";

const MIME: Readonly<Record<VideoCodec, string>> = {
  h264: "video/h264",
  vp8: "video/vp8",
  vp9: "video/vp9",
  av1: "video/av1",
};

/**
 * Those of wanted that this browser decodes, in the order given. Throws "no-codec" where it is none, "no-webrtc" or "old-browser"
 * where the browser lacks what every session needs.
 */
export function decodable(wanted: readonly VideoCodec[]): VideoCodec[] {
  if (typeof RTCPeerConnection === "undefined" || typeof RTCRtpReceiver === "undefined") throw PlayerError.of("no-webrtc");
  if (!("requestVideoFrameCallback" in HTMLVideoElement.prototype)) throw PlayerError.of("old-browser");
  const known = new Set(RTCRtpReceiver.getCapabilities("video")?.codecs.map((codec) => codec.mimeType.toLowerCase()));
  const found = wanted.filter((codec) => known.has(MIME[codec]));
  if (found.length === 0) throw PlayerError.of("no-codec");
  return found;
}
