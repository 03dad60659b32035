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
  sound: { readonly stream: MediaStream; readonly receiver: RTCRtpReceiver };
  microphone: RTCRtpSender;
  message: FromEdge;
  /** A new connection to the edge takes the old one's place: what the old one counted begins anew. */
  anew: undefined;
  /** Something is wrong with the way, or will be. */
  faltering: undefined;
  /** The edge hears nothing of us. */
  unheard: undefined;
  /** The network path broke for good; signaling may still know more. */
  lost: undefined;
  /** Signaling's socket closed while the way stands: unless the session is taken up again, it ends when the hold is over. */
  adrift: PlayerError;
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
  /** What an answer waits for. */
  readonly ready: Promise<unknown>;
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
 * The way to one edge: a signaling socket and the peer connection that it arranges. It opens once. A connection that broke gets new
 * ways by restart(), from the same edge over whatever socket reaches it; where the edge has given it up, a new one.
 *
 *   asking --matched--> matched --offer--> answering --connected--> standing <--restart, offer, answer--.
 *                                                                       '------------------------------'
 */
export class Link extends Emitter<Events> {
  readonly #request: LinkRequest;
  #socket: SignalingSocket;
  #matched: Matched | null = null;
  #peer: Peer | null = null;
  #standing = false;
  #restarts = 0;
  #closed = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** Candidates of ours wait until the answer has gone. */
  #held: Candidate[] | null = [];
  readonly #early: Candidate[] = [];
  #verdicts: ((edge: "alive" | "gone" | "unknown") => void)[] = [];

  constructor(request: LinkRequest) {
    super();
    this.#request = request;
    this.#socket = this.#ask({});
    this.#within(MATCH_TIMEOUT_MS, "signaling-timeout");
  }

  /** Whether there is a connection that restart() may mend. */
  get standing(): boolean {
    return this.#standing && !this.#closed;
  }

  /** Offers of new ways that were answered. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Asks the edge for new ways for the connection that stands. fresh leaves signaling's socket, which may be of a network that is gone,
   * for a new one. "adrift" follows where signaling cannot be reached.
   */
  restart(fresh: boolean): void {
    if (!this.standing) return;
    if (this.#socket.open && !fresh) {
      this.#socket.send({ type: "restart" });
      return;
    }
    this.#socket.close();
    this.#socket = this.#ask({ ...(this.#matched === null ? {} : { resume: this.#matched.session }), restart: true });
  }

  #ask(again: { resume?: string; restart?: boolean }): SignalingSocket {
    const { signal, ready: _, ...asked } = this.#request;
    const socket = new SignalingSocket(signal);
    socket.on("message", (message) => this.#receive(message));
    socket.on("closed", (error) => this.#socketClosed(error));
    socket.send({ type: "play", ...asked, ...again });
    return socket;
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
        this.#match(message);
        break;
      case "progress":
        this.emit("progress", message);
        break;
      case "offer":
        void this.#answer(message.sdp, message.restart === true);
        break;
      case "candidate":
        if (this.#peer === null) this.#early.push(message);
        else this.#addCandidate(this.#peer, message);
        break;
      case "unheard":
        this.emit("unheard", undefined);
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

  #match(matched: Matched): void {
    this.#matched = matched;
    if (this.#peer === null) {
      this.#within(START_TIMEOUT_MS, "start-timeout");
      this.#peer = this.#open(matched);
    }
    this.emit("matched", matched);
  }

  #open({ iceServers }: Matched): Peer {
    const peer = new Peer(iceServers);
    peer.on("candidate", (candidate) => {
      if (this.#held === null) this.#socket.send(candidate);
      else this.#held.push(candidate);
    });
    peer.on("stream", (stream) => this.emit("stream", stream));
    peer.on("sound", (sound) => this.emit("sound", sound));
    peer.on("microphone", (sender) => this.emit("microphone", sender));
    peer.on("message", (message) => this.emit("message", message));
    peer.on("faltering", () => this.emit("faltering", undefined));
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
    return peer;
  }

  async #answer(offer: string, restart: boolean): Promise<void> {
    if (this.#matched === null) return this.#fail(PlayerError.of("protocol", new Error("an offer before a match")));
    if (this.#standing && !restart) {
      this.#peer?.close();
      this.#standing = false;
      this.#peer = this.#open(this.#matched);
      this.emit("anew", undefined);
    }
    if (!this.#standing) {
      this.emit("progress", { stage: "connecting", detail: "" });
      this.#within(CONNECT_TIMEOUT_MS, "connect-failed");
    }
    const peer = this.#peer;
    const socket = this.#socket;
    this.#held = [];
    try {
      await this.#request.ready;
      const sdp = await peer?.answer(offer);
      if (this.#closed || sdp === undefined || socket !== this.#socket) return;
      socket.send({ type: "answer", sdp });
      for (const candidate of this.#held?.splice(0) ?? []) socket.send(candidate);
      this.#held = null;
      if (restart) this.#restarts++;
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
    if (this.#standing) this.emit("adrift", error);
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
