import type { FromEdge, ToEdge } from "./control/codec.js";
import { Emitter } from "./emitter.js";
import { type ErrorInfo, PlayerError } from "./errors.js";
import { Peer } from "./peer.js";
import type { Candidate, FromSignaling, Matched, Size } from "./signaling/messages.js";
import { SignalingSocket } from "./signaling/socket.js";

interface Events {
  matched: Matched;
  progress: { readonly stage: "starting" | "connecting"; readonly detail: string };
  connected: undefined;
  stream: MediaStream;
  sound: MediaStream;
  message: FromEdge;
  /** The network path broke; signaling may still know more. */
  lost: undefined;
  /** Signaling's socket closed while the way stands: unless the session is resumed, it ends when the hold is over. */
  adrift: undefined;
  /** The session is over: the edge, or signaling, said so. */
  ended: { readonly reason: ErrorInfo; readonly output: readonly string[] };
  /** This link will not come to stand, or may not go on. Nothing follows. */
  failed: PlayerError;
}

/** What is asked of signaling. */
export interface LinkRequest {
  readonly signal: string | URL;
  readonly token: string;
  readonly app?: string;
  readonly size?: Size;
  readonly codecs: readonly string[];
  /** The session to go on with. */
  readonly resume?: string;
  /** The session to look on at. */
  readonly watch?: string;
}

// Signaling has limits of its own and says what went wrong; these only end the wait for one that says nothing.
const MATCH_TIMEOUT_MS = 15_000;
const START_TIMEOUT_MS = 45_000;
const CONNECT_TIMEOUT_MS = 15_000;
/** A probe of the edge takes signaling a second at most. */
const CHECK_TIMEOUT_MS = 1_400;

/**
 * One way to one edge: a signaling socket and the peer connection that it arranges. It opens once; a lost session is taken up
 * by another link.
 *
 *   asking --matched--> matched --offer--> answering --connected--> standing
 */
export class Link extends Emitter<Events> {
  readonly #socket: SignalingSocket;
  #peer: Peer | null = null;
  #standing = false;
  #closed = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** Candidates of ours wait until the answer has gone. */
  #held: Candidate[] | null = [];
  readonly #early: Candidate[] = [];
  #verdicts: ((edge: "alive" | "gone" | "unknown") => void)[] = [];

  constructor(request: LinkRequest) {
    super();
    const { signal, ...asked } = request;
    this.#socket = new SignalingSocket(signal);
    this.#socket.on("message", (message) => this.#receive(message));
    this.#socket.on("closed", (error) => this.#socketClosed(error));
    this.#socket.send({ type: "play", ...asked });
    this.#within(MATCH_TIMEOUT_MS, "signaling-timeout");
  }

  send(message: ToEdge): void {
    this.#peer?.send(message);
  }

  async stats(): Promise<RTCStatsReport | null> {
    return (await this.#peer?.stats()) ?? null;
  }

  get malformed(): number {
    return this.#peer?.malformed ?? 0;
  }

  /** Asks signaling whether the edge lives. unknown: signaling cannot be asked, or does not answer in time. */
  check(): Promise<"alive" | "gone" | "unknown"> {
    if (!this.#socket.open) return Promise.resolve("unknown");
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve("unknown"), CHECK_TIMEOUT_MS);
      this.#verdicts.push((edge) => {
        clearTimeout(timer);
        resolve(edge);
      });
      this.#socket.send({ type: "check" });
    });
  }

  /** Closes everything, without an event. leave tells signaling that the player will not come back. Idempotent. */
  close(leave: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#deadline);
    if (leave) this.#socket.send({ type: "leave" });
    this.#socket.close();
    this.#peer?.close();
    for (const verdict of this.#verdicts.splice(0)) verdict("unknown");
  }

  #receive(message: FromSignaling): void {
    switch (message.type) {
      case "matched":
        this.#openPeer(message);
        break;
      case "progress":
        this.emit("progress", message);
        break;
      case "offer":
        void this.#answer(message.sdp);
        break;
      case "candidate":
        if (this.#peer === null) this.#early.push(message);
        else this.#addCandidate(this.#peer, message);
        break;
      case "checked":
        for (const verdict of this.#verdicts.splice(0)) verdict(message.edge);
        break;
      case "ended":
        this.close(false);
        this.emit("ended", message);
        break;
      case "error":
        this.#fail(new PlayerError(message.error));
        break;
      case "installing":
        break; // answers a request that a link does not make
    }
  }

  #openPeer(matched: Matched): void {
    if (this.#peer !== null) return;
    this.#within(START_TIMEOUT_MS, "start-timeout");
    const peer = new Peer(matched.iceServers);
    this.#peer = peer;
    peer.on("candidate", (candidate) => {
      if (this.#held === null) this.#socket.send(candidate);
      else this.#held.push(candidate);
    });
    peer.on("stream", (stream) => this.emit("stream", stream));
    peer.on("sound", (stream) => this.emit("sound", stream));
    peer.on("message", (message) => this.emit("message", message));
    peer.on("connected", () => {
      clearTimeout(this.#deadline);
      if (this.#standing) return;
      this.#standing = true;
      this.emit("connected", undefined);
    });
    peer.on("failed", () => {
      if (this.#standing) this.emit("lost", undefined);
      else this.#fail(PlayerError.of("connect-failed"));
    });
    for (const candidate of this.#early.splice(0)) this.#addCandidate(peer, candidate);
    this.emit("matched", matched);
  }

  async #answer(offer: string): Promise<void> {
    const peer = this.#peer;
    if (peer === null) return this.#fail(PlayerError.of("protocol", new Error("an offer before a match")));
    if (!this.#standing) {
      this.emit("progress", { stage: "connecting", detail: "" });
      this.#within(CONNECT_TIMEOUT_MS, "connect-failed");
    }
    try {
      const sdp = await peer.answer(offer);
      if (this.#closed) return;
      this.#socket.send({ type: "answer", sdp });
      for (const candidate of this.#held?.splice(0) ?? []) this.#socket.send(candidate);
      this.#held = null;
    } catch (cause) {
      this.#fail(PlayerError.of("protocol", cause));
    }
  }

  /** A candidate that does not parse is one way fewer, and no more than that. */
  #addCandidate(peer: Peer, candidate: Candidate): void {
    peer.addCandidate(candidate).catch((error: unknown) => console.warn("nearlight: an ICE candidate was refused", error));
  }

  #socketClosed(error: PlayerError): void {
    for (const verdict of this.#verdicts.splice(0)) verdict("unknown");
    if (this.#standing) this.emit("adrift", undefined);
    else this.#fail(error);
  }

  #within(ms: number, code: "signaling-timeout" | "start-timeout" | "connect-failed"): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#fail(PlayerError.of(code)), ms);
  }

  #fail(error: PlayerError): void {
    if (this.#closed) return;
    this.close(false);
    this.emit("failed", error);
  }
}
