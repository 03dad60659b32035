import { type ChannelName, channelOf, decode, encode, type FromEdge, type ToEdge } from "./control/codec.js";
import { Emitter } from "./emitter.js";
import type { Candidate, IceServer } from "./signaling/messages.js";

interface Events {
  /** An ICE candidate of ours for the edge. */
  candidate: Candidate;
  /** The video stream; audio, where there is any, comes in another so that neither waits for the other. */
  stream: MediaStream;
  sound: { readonly stream: MediaStream; readonly receiver: RTCRtpReceiver };
  /** The edge takes what the player says, by this way. */
  microphone: RTCRtpSender;
  connected: undefined;
  /** No packets pass; they may again, by themselves or by new ways. */
  faltering: undefined;
  /** The connection is lost for good, or could not be opened. */
  failed: undefined;
  message: FromEdge;
}

/** Motion waits in a queue only where the network is stuck; then it is stale, and the next one says it all. */
const MAX_MOTION_BUFFER = 4 << 10;

/** One WebRTC connection to an edge: the edge offers, this side answers; candidates trickle both ways. */
export class Peer extends Emitter<Events> {
  readonly #connection: RTCPeerConnection;
  readonly #channels = new Map<ChannelName, RTCDataChannel>();
  /** Candidates that came before the offer. */
  #early: RTCIceCandidateInit[] = [];
  /** Sections of the description in which the edge sends. */
  readonly #received = new Set<RTCRtpTransceiver>();
  #closed = false;
  #malformed = 0;

  constructor(iceServers: readonly IceServer[], relayOnly: boolean) {
    super();
    const connection = new RTCPeerConnection({
      iceServers: [...iceServers],
      iceTransportPolicy: relayOnly ? "relay" : "all",
      bundlePolicy: "max-bundle",
    });
    this.#connection = connection;
    connection.onicecandidate = ({ candidate }) => {
      this.emit("candidate", {
        type: "candidate",
        candidate: candidate?.candidate ?? "",
        mid: candidate?.sdpMid ?? "",
        line: candidate?.sdpMLineIndex ?? 0,
      });
    };
    connection.ontrack = ({ receiver, track, streams, transceiver }) => {
      this.#received.add(transceiver);
      receiver.jitterBufferTarget = 0;
      const stream = streams[0] ?? new MediaStream([track]);
      if (track.kind === "video") this.emit("stream", stream);
      else this.emit("sound", { stream, receiver });
    };
    connection.ondatachannel = ({ channel }) => this.#adopt(channel);
    connection.onconnectionstatechange = () => {
      if (this.#closed) return;
      if (connection.connectionState === "connected") this.emit("connected", undefined);
      if (connection.connectionState === "disconnected") this.emit("faltering", undefined);
      if (connection.connectionState === "failed" || connection.connectionState === "closed") this.emit("failed", undefined);
    };
  }

  /** Messages from the edge that were dropped because they were malformed. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Answers an offer; another one later, an ICE restart say, is answered alike. */
  async answer(offer: string): Promise<string> {
    await this.#connection.setRemoteDescription({ type: "offer", sdp: offer });
    const early = this.#early;
    this.#early = [];
    for (const candidate of early) await this.#connection.addIceCandidate(candidate);
    this.#offerMicrophone();
    const { sdp } = await this.#connection.createAnswer();
    const answer = inStereo(sdp ?? "");
    await this.#connection.setLocalDescription({ type: "answer", sdp: answer });
    // Of an offer that is answered for a second time, all ways are known already, and nothing tells of them but this.
    return this.#connection.localDescription?.sdp ?? answer;
  }

  /** Answers a section that only receives so that a microphone can be attached at any time, without another offer. */
  #offerMicrophone(): void {
    for (const section of this.#connection.getTransceivers()) {
      if (this.#received.has(section) || section.receiver.track.kind !== "audio" || section.direction === "sendonly") continue;
      section.direction = "sendonly";
      this.emit("microphone", section.sender);
    }
  }

  async addCandidate({ candidate, mid, line }: Candidate): Promise<void> {
    const init: RTCIceCandidateInit = { candidate, sdpMid: mid === "" ? null : mid, sdpMLineIndex: line };
    if (this.#connection.remoteDescription === null) this.#early.push(init);
    else await this.#connection.addIceCandidate(init);
  }

  /** Sends where the channel is open. Motion is dropped while older motion still waits. */
  send(message: ToEdge): void {
    const name = channelOf(message.type);
    const channel = this.#channels.get(name);
    if (channel?.readyState !== "open") return;
    if (name === "motion" && channel.bufferedAmount > MAX_MOTION_BUFFER) return;
    channel.send(encode(message));
  }

  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  /** Idempotent; no event follows. */
  close(): void {
    this.#closed = true;
    this.#connection.close();
  }

  #adopt(channel: RTCDataChannel): void {
    const name = channel.label;
    if (name !== "motion" && name !== "control") return;
    channel.binaryType = "arraybuffer";
    this.#channels.set(name, channel);
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (this.#closed) return;
      const message = data instanceof ArrayBuffer ? decode(name, new Uint8Array(data)) : null;
      if (message === null) this.#malformed++;
      else this.emit("message", message);
    };
  }
}

/** Browsers decode Opus into one channel, unless their own description asks for two (RFC 7587 section 6.1). */
function inStereo(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\//m.exec(sdp)?.[1];
  return opus === undefined ? sdp : sdp.replace(`a=fmtp:${opus} `, `a=fmtp:${opus} stereo=1;`);
}
