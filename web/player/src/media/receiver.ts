import type { ReceiverCounts } from "./stats.js";

/** What the video receiver counted so far, from getStats(); zeros where there is no report. */
export function receiverCounts(report: RTCStatsReport | null): ReceiverCounts {
  let counts: ReceiverCounts = { bytes: 0, dropped: 0, lost: 0, received: 0, jitter: 0 };
  report?.forEach((entry: RTCStats) => {
    const inbound = entry as RTCInboundRtpStreamStats;
    if (entry.type !== "inbound-rtp" || inbound.kind !== "video") return;
    counts = {
      bytes: inbound.bytesReceived ?? 0,
      dropped: inbound.framesDropped ?? 0,
      lost: Math.max(inbound.packetsLost ?? 0, 0),
      received: inbound.packetsReceived ?? 0,
      jitter: (inbound.jitter ?? 0) * 1000,
    };
  });
  return counts;
}
