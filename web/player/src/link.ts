import type { Bond, Proof } from "./binding/bond.js";
import type { FromEdge, ToEdge } from "./control/codec.js";
import { Emitter } from "./emitter.js";
import { type ErrorInfo, PlayerError } from "./errors.js";
import { Peer } from "./peer.js";
import type { Candidate, EdgeKey, FromSignaling, Matched, Measure, Queued, Size } from "./signaling/messages.js";
import { SignalingSocket } from "./signaling/socket.js";

interface Events {
  matched: Matched;
  /** All machines are in use: the player waits in line. */
  queued: Queued;
  /** The edge cannot go on: nothing is left of the way to it, and another edge is being found. */
  moved: ErrorInfo;
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
/** The edge signs before a connection can stand, and its word takes the same way as the answer did. */
const BOUND_TIMEOUT_MS = 5_000;
/** What an unproven connection may bring before it is proven: its streams, and a few messages. */
const MAX_WITHHELD = 64;
/** A probe of the edge takes signaling a second at most. */
const CHECK_TIMEOUT_MS = 1_400;

/**
 * The way to one edge: a signaling socket and the peer connection that it arranges. It opens once. A connection that broke gets new
 * ways by restart(), from the same edge over whatever socket reaches it; where the edge has given it up, a new one.
 *
 *   asking --matched--> matched --offer--> answering --connected--> standing <--restart, offer, answer--.
 *      ^                                                                '------------------------------'
 *      '--moved-- from any of the others: the edge is gone
 */
export class Link extends Emitter<Events> {
  readonly #request: LinkRequest;
  #socket: SignalingSocket;
  #matched: Matched | null = null;
  #peer: Peer | null = null;
  #standing = false;
  #restarts = 0;
  #closed = false;
  /** An offer was taken for the peer that there is. */
  #answered = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** Candidates of ours wait until the answer has gone. */
  #held: Candidate[] | null = [];
  readonly #early: Candidate[] = [];
  /** How far the connection is shown to be with a machine that the token trusts; null where it demands none. */
  #proof: Proof | null = null;
  /** What it is shown by, which is fetched while signaling finds an edge; null where the token demands nothing. */
  readonly #bond: Promise<Bond> | null;
  /** What came by the connection before that. */
  #withheld: (() => void)[] = [];
  #verdicts: ((edge: "alive" | "gone" | "unknown") => void)[] = [];
  /** Ends what is being measured. */
  readonly #over = new AbortController();

  constructor(request: LinkRequest, bond: Promise<Bond> | null) {
    super();
    this.#request = request;
    this.#bond = bond;
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
    socket.send({ type: "play", ...asked, ...again, ...(asked.watch === undefined ? { wait: true, measures: true } : {}) });
    return socket;
  }

  send(message: ToEdge): void {
    if (this.#trusted) this.#peer?.send(message);
  }

  get #trusted(): boolean {
    return this.#bond === null || this.#proof?.proven === true;
  }

  /** Does what a connection brings once it is proven; who may be a stranger shows and says nothing. */
  #once(act: () => void): void {
    if (this.#trusted) act();
    else if (this.#withheld.length < MAX_WITHHELD) this.#withheld.push(act);
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
    this.#over.abort();
    clearTimeout(this.#deadline);
    if (leave) this.#socket.send({ type: "leave" });
    this.#socket.close();
    this.#peer?.close();
    for (const verdict of this.#verdicts.splice(0)) verdict("unknown");
  }

  #receive(message: FromSignaling): void {
    switch (message.type) {
      case "measure":
        void this.#measure(message);
        break;
      case "matched":
        this.#match(message);
        break;
      case "queued":
        clearTimeout(this.#deadline); // signaling says how long it takes
        this.emit("queued", message);
        break;
      case "moved":
        this.#move(message.reason);
        break;
      case "progress":
        this.emit("progress", message);
        break;
      case "offer":
        void this.#answer(message.sdp, message.restart === true, message.edge);
        break;
      case "bound":
        this.#bound(message.signature);
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

  /** Tells signaling how far some edges are. What cannot be measured is left out: signaling does without. */
  async #measure({ round, edges }: Measure): Promise<void> {
    const socket = this.#socket;
    const probing = import("./probe.js").then(({ probe }) => probe(edges, { signal: this.#over.signal }));
    socket.send({ type: "measured", round, edges: await probing.catch(() => []) });
  }

  #match(matched: Matched): void {
    this.#matched = matched;
    if (this.#peer === null) {
      this.#within(START_TIMEOUT_MS, "start-timeout");
      this.#peer = this.#open(matched);
    }
    this.emit("matched", matched);
  }

  #move(reason: ErrorInfo): void {
    this.#peer?.close();
    this.#peer = null;
    this.#standing = false;
    this.#matched = null;
    this.#held = [];
    this.#early.length = 0;
    for (const verdict of this.#verdicts.splice(0)) verdict("unknown");
    this.#within(MATCH_TIMEOUT_MS, "signaling-timeout");
    this.emit("moved", reason);
  }

  #open({ iceServers, relayOnly }: Matched): Peer {
    const peer = new Peer(iceServers, relayOnly === true);
    peer.on("candidate", (candidate) => {
      if (this.#held === null) this.#socket.send(candidate);
      else this.#held.push(candidate);
    });
    peer.on("stream", (stream) => this.#once(() => this.emit("stream", stream)));
    peer.on("sound", (sound) => this.#once(() => this.emit("sound", sound)));
    peer.on("microphone", (sender) => this.#once(() => this.emit("microphone", sender)));
    peer.on("message", (message) => this.#once(() => this.emit("message", message)));
    peer.on("faltering", () => this.emit("faltering", undefined));
    peer.on("connected", () => {
      if (!this.#trusted) this.#within(BOUND_TIMEOUT_MS, "unproven");
      this.#once(() => {
        clearTimeout(this.#deadline);
        if (this.#standing) return;
        this.#standing = true;
        this.emit("connected", undefined);
      });
    });
    peer.on("failed", () => {
      if (this.#standing) this.emit("lost", undefined);
      else this.#fail(PlayerError.of("connect-failed"));
    });
    for (const candidate of this.#early.splice(0)) this.#addCandidate(peer, candidate);
    return peer;
  }

  async #answer(offer: string, restart: boolean, edge: EdgeKey | undefined): Promise<void> {
    if (this.#matched === null) return this.#fail(PlayerError.of("protocol", new Error("an offer before a match")));
    try {
      if (this.#bond !== null) {
        const bond = await this.#bond;
        if (this.#closed) return;
        this.#proof ??= bond.connection();
      }
      const { session, lease } = this.#matched;
      this.#proof?.offered(session, offer, edge, restart && this.#standing, lease);
    } catch (error) {
      return this.#fail(error instanceof PlayerError ? error : PlayerError.of("unproven", error));
    }
    // Whoever describes a connection for a second time describes another one, but for new ways to one that stands: what was proven of
    // the first says nothing of it.
    const again = this.#proof !== null && this.#answered && !(restart && this.#standing);
    if ((this.#standing && !restart) || again) {
      this.#peer?.close();
      this.#standing = false;
      this.#withheld = [];
      this.#answered = false;
      this.#peer = this.#open(this.#matched);
      this.emit("anew", undefined);
    }
    if (!this.#standing) {
      this.emit("progress", { stage: "connecting", detail: "" });
      this.#within(CONNECT_TIMEOUT_MS, "connect-failed");
    }
    const peer = this.#peer;
    const socket = this.#socket;
    this.#answered = true;
    this.#held = [];
    try {
      await this.#request.ready;
      const sdp = await peer?.answer(offer);
      const overtaken = () => this.#closed || socket !== this.#socket || peer !== this.#peer;
      if (overtaken() || sdp === undefined) return;
      const player = await this.#proof?.answer(sdp);
      if (overtaken()) return;
      socket.send({ type: "answer", sdp, ...(player === undefined ? {} : { player }) });
      for (const candidate of this.#held?.splice(0) ?? []) socket.send(candidate);
      this.#held = null;
      if (restart) this.#restarts++;
    } catch (cause) {
      this.#fail(cause instanceof PlayerError ? cause : PlayerError.of("protocol", cause));
    }
  }

  /** The edge has signed a connection: this one, or it is not with that edge. */
  #bound(signature: string): void {
    if (this.#proof === null) return;
    try {
      this.#proof.bound(signature);
      for (const act of this.#withheld.splice(0)) act();
    } catch (error) {
      this.#fail(error instanceof PlayerError ? error : PlayerError.of("unproven", error));
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

  #within(ms: number, code: "signaling-timeout" | "start-timeout" | "connect-failed" | "unproven"): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#fail(PlayerError.of(code)), ms);
  }

  #fail(error: PlayerError): void {
    if (this.#closed) return;
    this.close(false);
    this.emit("failed", error);
  }
}
