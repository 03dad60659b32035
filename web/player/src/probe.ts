import type { Probe, ProbeTarget } from "./signaling/messages.js";

/**
 * How far is each edge? A page has no ping, but ICE has one: its connectivity checks, which every edge answers to everybody under
 * credentials that are known (streamer/udpmux, probe.go). A connection is prepared whose other side is such an edge; the browser checks the
 * way again and again, and says in its statistics how long that took. Nothing else is ever sent, and no session is needed.
 */

export interface ProbeOptions {
  /** Milliseconds after which what there is counts; 400 if absent. */
  readonly deadline?: number;
  /** Round trips of each edge; 3 if absent. */
  readonly samples?: number;
  readonly signal?: AbortSignal;
}

/** The part of RTCPeerConnection that is needed, so that tests can stand in for a browser. */
export type ProbeConnection = Pick<
  RTCPeerConnection,
  "createDataChannel" | "setLocalDescription" | "setRemoteDescription" | "getStats" | "close" | "localDescription"
>;

/** As udpmux.ProbeUser and udpmux.ProbePassword. */
const USER = "nearlightprobe";
const PASSWORD = "nearlight/tells/how+far+it+is";

/** A player is shown 8 edges at most. */
const MAX_TARGETS = 8;
const MAX_ADDRESSES = 4;
/** An address, of IPv6 in brackets, and a port: no names. */
const AT = /^\[?([0-9a-fA-F.:]{2,45}?)\]?:(\d{1,5})$/;
const DEADLINE_MS = 400;
const SAMPLES = 3;
/** How often statistics are read. Checks are some 50 ms apart, so that hardly ever two fall between. */
const POLL_MS = 20;
/** Browsers count whole milliseconds: a round trip of none took half of one. */
const LEAST_MS = 0.5;
/** As edges do in their descriptions: a fingerprint has to be there, and nobody gets so far as to compare it. */
const FINGERPRINT = `sha-256 ${Array(32).fill("00").join(":")}`;

/**
 * Measures all edges at once. It rejects only when the signal aborts, with its reason: an edge that cannot be measured has failed tries, and
 * no round trips.
 */
export async function probe(
  targets: readonly ProbeTarget[],
  options: ProbeOptions = {},
  open: () => ProbeConnection = () => new RTCPeerConnection(),
): Promise<Probe[]> {
  const { signal, deadline = DEADLINE_MS, samples = SAMPLES } = options;
  signal?.throwIfAborted();
  const stop = new AbortController();
  const end = () => stop.abort();
  signal?.addEventListener("abort", end, { once: true });
  const timer = setTimeout(end, deadline);
  try {
    const probes = await Promise.all(
      targets.slice(0, MAX_TARGETS).map((target) => measure(target, samples, stop.signal, open)),
    );
    signal?.throwIfAborted();
    return probes;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    stop.abort();
  }
}

async function measure(target: ProbeTarget, samples: number, stop: AbortSignal, open: () => ProbeConnection): Promise<Probe> {
  const roundTrips: number[] = [];
  let connection: ProbeConnection | null = null;
  try {
    const opened = open();
    connection = opened;
    opened.createDataChannel("probe");
    await until(stop, opened.setLocalDescription());
    await until(stop, opened.setRemoteDescription({ type: "answer", sdp: answer(opened.localDescription?.sdp ?? "", target) }));
    const known = new Map<string, Checks>();
    while (roundTrips.length < samples) {
      await until(stop, new Promise((resolve) => setTimeout(resolve, POLL_MS)));
      for (const [id, checks] of pairs(await until(stop, opened.getStats()))) {
        const before = known.get(id) ?? { responses: 0, total: 0 };
        known.set(id, checks);
        const came = checks.responses - before.responses;
        for (let i = 0; i < Math.min(came, samples); i++)
          roundTrips.push(Math.max((checks.total - before.total) / came, LEAST_MS));
      }
    }
  } catch {
    // The time is over, or the browser takes no such address: what there is counts, and the rest has failed.
  } finally {
    connection?.close();
  }
  return { edge: target.edge, roundTrips: roundTrips.slice(0, samples), failed: Math.max(samples - roundTrips.length, 0) };
}

/** Waits for a promise, or rejects when the time is over. */
function until<T>(stop: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error("the time is over"));
    if (stop.aborted) end();
    stop.addEventListener("abort", end, { once: true });
    promise.then(resolve, reject).finally(() => stop.removeEventListener("abort", end));
  });
}

interface Checks {
  readonly responses: number;
  /** Milliseconds, of all responses. */
  readonly total: number;
}

/** The checks of each pair of candidates that was answered. */
function pairs(report: RTCStatsReport): Map<string, Checks> {
  const found = new Map<string, Checks>();
  report.forEach((entry: Record<string, unknown>, id: string) => {
    const { type, responsesReceived: responses, totalRoundTripTime: total } = entry;
    if (type !== "candidate-pair" || typeof responses !== "number" || typeof total !== "number") return;
    if (responses > 0 && total >= 0) found.set(id, { responses, total: total * 1000 });
  });
  return found;
}

/**
 * The description that the edge would give, if it gave one. It sets up DTLS (a=setup:active), which it never does: so the browser waits for it, and sends
 * nothing but checks.
 */
function answer(offer: string, target: ProbeTarget): string {
  const mid = /^a=mid:(\S+)/m.exec(offer)?.[1] ?? "0";
  const lines = [
    "v=0",
    "o=- 1 1 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    "a=ice-lite",
    `a=group:BUNDLE ${mid}`,
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    `a=ice-ufrag:${USER}`,
    `a=ice-pwd:${PASSWORD}`,
    `a=fingerprint:${FINGERPRINT}`,
    "a=setup:active",
    "a=sctp-port:5000",
  ];
  target.at.slice(0, MAX_ADDRESSES).forEach((at, i) => {
    const [, ip, port] = AT.exec(at) ?? [];
    if (ip === undefined || Number(port) < 1 || Number(port) > 65535) return;
    lines.push(`a=candidate:${i + 1} 1 udp ${2130706431 - i} ${ip} ${port} typ host`); // RFC 8839 section 5.1
  });
  lines.push("a=end-of-candidates");
  return `${lines.join("\r\n")}\r\n`;
}
