import type { Bond } from "./binding/bond.js";
import { bondOf } from "./binding/demanded.js";
import type { SessionKey } from "./binding/keys.js";
import { EdgeClock, micros } from "./clock.js";
import type { FromEdge } from "./control/codec.js";
import { type ErrorInfo, PlayerError } from "./errors.js";
import type { SessionEvents } from "./events.js";
import { Heartbeat, MISSING_MS } from "./heartbeat.js";
import { inLine } from "./line.js";
import { Link, type LinkRequest } from "./link.js";
import type { FrameSample } from "./media/frames.js";
import type { MicrophoneLine } from "./media/microphone.js";
import type { Screen } from "./media/screen.js";
import type { Speaker } from "./media/speaker.js";
import { watchNetwork } from "./network.js";
import type { ConnectOptions } from "./options.js";
import { Reconnection, transient } from "./reconnection.js";
import type { Matched } from "./signaling/messages.js";
import { type Stage, StageClock } from "./stages.js";
import { decodable, named, smoothest, VIDEO_CODECS } from "./support.js";

const PING_INTERVAL_MS = 250;
const FIRST_FRAME_TIMEOUT_MS = 10_000;
const REJOIN_PAUSE_MS = 1_000;
/** New ways are asked for again after so long, and six round trips: a new socket's, a request's and an answer's, and ICE's checks. */
const RESTART_PATIENCE_MS = 1_200;
/** After so many that were offered and brought nothing, it is the connection itself that is broken. */
const MOST_RESTARTS = 4;

/**
 *   opening --first frame, app running--> playing <--> doubtful --edge alive--> reconnecting --frame--> playing
 *      \________________\__________________\______________\_________________________\_____> over
 */
export type State = "opening" | "playing" | "doubtful" | "reconnecting" | "over";

/** What a connection needs of its session: what its streams begin and end at, and whom it tells what. */
export interface ConnectionHost {
  readonly screen: Screen;
  readonly speaker: Speaker;
  readonly microphone: MicrophoneLine;
  /** Tells the page. */
  readonly emit: <Name extends keyof SessionEvents>(name: Name, event: SessionEvents[Name]) => void;
  /** What a connection counts begins anew. */
  readonly anew: () => void;
  /** Whether input is listened to may have changed with whether it is live. */
  readonly listen: () => void;
  /** It was lost and is being mended. */
  readonly lost: () => void;
  /** The edge says something that is not about the connection itself. */
  readonly message: (message: FromEdge) => void;
  /** Nothing follows but the event that says so, if any. What is to be sent yet can be. */
  readonly over: () => void;
}

/**
 * A session's connection to its edge, over as many links as it takes: it is opened, watched, doubted, mended and given up here, by what signaling, the
 * edge's heartbeat and the pictures tell.
 */
export class Connection {
  state: State = "opening";
  stages = new StageClock();
  clock = new EdgeClock();
  /** The session's id, and what signaling signed for who looks on, if it signs; null before an edge was found. */
  matched: Matched | null = null;
  /** The newest link; null before the first. */
  link: Link | null = null;
  /** The session's key, where the token demands one; null before it is there. */
  key: SessionKey | null = null;
  /** Whether signaling answered when it was asked for the edge; null before. */
  answered: boolean | null = null;
  /** When the last sign of life came, while it is being mended. */
  silentSince = 0;
  readonly #options: ConnectOptions;
  readonly #host: ConnectionHost;
  readonly #heartbeat = new Heartbeat();
  readonly #reconnection: Reconnection;
  readonly #over = new AbortController();
  /** What links are checked by; null where the token demands nothing. */
  #bond: Promise<Bond> | null = null;
  #codecs: readonly string[] = [];
  /** What was lost, by its link and how often that had new ways; null once another took its place. */
  #broken: { readonly link: Link | null; readonly restarts: number } | null = null;
  #appRunning = false;
  #streamShown = false;
  #pictureSeen = false;
  #pinger: ReturnType<typeof setInterval> | undefined;
  #firstFrameTimer: ReturnType<typeof setTimeout> | undefined;
  #rejoinTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectOptions, host: ConnectionHost) {
    this.#options = options;
    this.#host = host;
    this.#reconnection = new Reconnection({
      attempt: (fresh) => this.#mend(fresh),
      tick: (secondsLeft) => host.emit("reconnecting", { secondsLeft }),
      expired: () => this.#fail(PlayerError.of("connection-lost")),
    });
    this.#heartbeat.on("missing", () => void this.#doubt());
    watchNetwork(() => this.#networkChanged(), this.#over.signal);
    this.#heartbeat.on("back", () => this.#recover());
  }

  /** Whether there is a picture that is the game's as it is now. */
  get live(): boolean {
    return this.#pictureSeen && (this.state === "opening" || this.state === "playing");
  }

  /** Looks for what the browser can do and what the token demands, and opens the first link. */
  async begin(): Promise<void> {
    if (this.state === "over") return;
    this.#enter("finding");
    try {
      this.#bond = bondOf(this.#options);
      this.#bond?.then(
        ({ key }) => {
          this.key = key;
        },
        () => undefined, // the link tells it
      );
      this.#codecs = named(await smoothest(decodable(this.#options.codecs ?? VIDEO_CODECS), this.#options.size));
    } catch (error) {
      this.#fail(error instanceof PlayerError ? error : PlayerError.of("no-webrtc", error));
      return;
    }
    if (this.#over.signal.aborted) return; // closed meanwhile
    this.#open(this.#options.resume ?? null);
    this.#pinger = setInterval(() => this.#ping(), PING_INTERVAL_MS);
  }

  #enter(stage: Stage, detail = ""): void {
    if (this.state !== "opening") return;
    this.stages.enter(stage, performance.now());
    if (this.stages.current === stage) this.#host.emit("stage", { stage, detail, stages: this.stages.times });
  }

  /** A frame was presented; false where it is none of the link as it is now. */
  presented(frame: FrameSample): boolean {
    if (this.state === "over" || !this.#streamShown) return false;
    this.link?.send({
      type: "ack",
      rtp: frame.rtp,
      received: micros(frame.received),
      presented: micros(frame.presented),
      decode: micros(frame.decode),
      frames: frame.count,
    });
    if (!this.#pictureSeen) {
      this.#pictureSeen = true;
      this.#heartbeat.watch();
      this.#enter("loading");
    }
    clearTimeout(this.#firstFrameTimer);
    if (this.live) this.#host.screen.thaw();
    if (this.state === "reconnecting" && this.#restarts() > 0) this.#resumed();
    this.#host.listen();
    this.#arrive();
    return true;
  }

  #fail(error: PlayerError): void {
    if (this.state === "over") return;
    this.finish();
    this.#host.emit("error", error);
  }

  /** Idempotent. */
  finish(): void {
    if (this.state === "over") return;
    this.state = "over";
    this.#host.over();
    this.#heartbeat.stop();
    this.#reconnection.end();
    this.#over.abort();
    clearTimeout(this.#firstFrameTimer);
    clearTimeout(this.#rejoinTimer);
    clearInterval(this.#pinger);
    this.link?.close(true);
  }

  /** Opens a link in the old one's place. */
  #open(resume: string | null): void {
    const { signal, token, app, size, watch } = this.#options;
    const { screen, speaker, microphone } = this.#host;
    const request: LinkRequest = {
      signal,
      token,
      codecs: this.#codecs,
      ready: speaker.ready,
      ...(app === undefined ? {} : { app }),
      ...(size === undefined ? {} : { size }),
      ...(resume === null ? {} : { resume }),
      ...(watch === undefined ? {} : { watch }),
    };
    const link = new Link(request, this.#bond);
    this.link?.close(false);
    this.link = link;
    this.#renew();
    link.on("matched", (matched) => {
      this.matched = matched;
      this.#enter("starting");
    });
    link.on("queued", ({ position, waiting, estimate }) => {
      this.#host.emit("queued", { position, waiting, estimate: estimate < 0 ? null : estimate });
      this.#enter("finding", inLine(position, waiting, estimate));
    });
    link.on("moved", (reason) => this.#moved(reason));
    link.on("progress", ({ stage, detail }) => this.#enter(stage, detail));
    link.on("connected", () => {
      this.#enter("first-frame");
      this.#ping();
      this.#expectFrame();
    });
    link.on("stream", (stream) => {
      screen.show(stream);
      this.#streamShown = true;
    });
    link.on("sound", ({ stream, receiver }) => speaker.show(stream, receiver));
    link.on("microphone", (sender) => microphone.attach(sender));
    link.on("message", (message) => this.#receive(message));
    link.on("lost", () => void this.#doubt());
    link.on("anew", () => this.#renew());
    link.on("faltering", () => this.#heartbeat.hurry());
    link.on("unheard", () => {
      if (this.state === "playing") link.restart(false); // pictures come: nobody needs to know
    });
    link.on("adrift", (error) => this.#rejoin(error));
    link.on("ended", ({ reason, output }) => {
      this.finish();
      this.#host.emit("ended", { reason, output });
    });
    link.on("failed", (error) => this.#linkFailed(error, resume));
  }

  #renew(): void {
    if (this.#pictureSeen) this.#host.screen.freeze();
    this.#broken = null;
    this.#heartbeat.stop();
    this.#host.microphone.attach(null);
    this.#host.anew();
    this.clock = new EdgeClock();
    this.#streamShown = false;
  }

  /** Another edge takes the session over: all begins anew but the page and what it listens to. */
  #moved(reason: ErrorInfo): void {
    if (this.state === "over") return;
    this.#reconnection.end();
    clearTimeout(this.#firstFrameTimer);
    clearTimeout(this.#rejoinTimer);
    this.#renew(); // the last picture stays
    this.state = "opening";
    this.stages = new StageClock();
    this.#pictureSeen = false;
    this.#appRunning = false;
    this.matched = null;
    this.#host.listen();
    this.#host.emit("moved", { reason });
    this.#enter("finding", reason.message);
  }

  /** Signaling took the player for lost: asks for the same session again, while the connection goes on to serve. */
  #rejoin(error: PlayerError): void {
    if (this.state === "reconnecting") this.#linkFailed(error, null);
    else if (transient(error)) {
      clearTimeout(this.#rejoinTimer);
      this.#rejoinTimer = setTimeout(() => {
        if (this.state === "playing" || this.state === "opening") this.link?.restart(true);
      }, REJOIN_PAUSE_MS);
    } // else what ails the session shows when the connection ends
  }

  #expectFrame(): void {
    clearTimeout(this.#firstFrameTimer);
    this.#firstFrameTimer = setTimeout(() => {
      if (document.hidden) return this.#expectFrame(); // nothing is presented on a hidden page
      if (this.state === "reconnecting") this.link?.close(false);
      this.#linkFailed(PlayerError.of("no-picture"), null);
    }, FIRST_FRAME_TIMEOUT_MS);
  }

  #linkFailed(error: PlayerError, resumed: string | null): void {
    if (this.state === "reconnecting") {
      if (!this.#reconnection.failed(error)) this.#fail(error);
    } else if (this.state === "opening" && resumed !== null && !this.#pictureSeen) {
      this.#open(null); // what was to be resumed is over: start anew
    } else if (this.state === "playing" && transient(error)) {
      this.#reconnect(true);
    } else {
      this.#fail(error);
    }
  }

  #receive(message: FromEdge): void {
    // What comes by new ways shows that there are: the picture follows.
    if (this.state === "reconnecting" && this.#broken !== null && this.#restarts() > 0) this.#resumed();
    if (message.type === "pong") this.clock.observe(message.sent, message.edge, micros(performance.now()));
    else if (message.type === "alive") this.#heartbeat.beat();
    else {
      if (message.type === "notice" && message.notice.kind === "app" && message.notice.state === "running")
        this.#appRunning = true;
      this.#host.message(message);
      this.#arrive();
    }
  }

  /** The game is there once it has drawn and its picture is seen. */
  #arrive(): void {
    if (this.state !== "opening" || !this.#pictureSeen || !this.#appRunning) return;
    this.stages.finish(performance.now());
    this.state = "playing";
    this.#host.emit("playing", { resumed: false, stages: this.stages.times });
  }

  /** Something is wrong with the edge or with the way to it. Signaling says which. */
  async #doubt(): Promise<void> {
    const link = this.link;
    if (link === null || !this.live) return;
    const before = this.state;
    this.state = "doubtful";
    const verdict = await link.check();
    if (this.state !== "doubtful" || link !== this.link) return;
    this.answered = verdict !== "unknown";
    if (verdict === "gone") return this.#fail(PlayerError.of("edge-gone"));
    if (before === "opening") this.stages.finish(performance.now());
    this.#reconnect(verdict === "unknown");
  }

  #reconnect(fresh: boolean): void {
    this.state = "reconnecting";
    this.silentSince = performance.now() - MISSING_MS;
    clearTimeout(this.#rejoinTimer);
    this.#broken = { link: this.link, restarts: this.link?.restarts ?? 0 };
    this.#host.screen.freeze();
    this.#host.listen();
    this.#reconnection.begin(fresh);
    this.#host.lost();
  }

  /** How often the connection was offered new ways since it broke; of another one, always enough. */
  #restarts(): number {
    const broken = this.#broken;
    return broken === null ? MOST_RESTARTS : (broken.link?.restarts ?? 0) - broken.restarts;
  }

  /** Asks for new ways for the connection that broke; where they bring nothing, or nothing is left of it, for another. */
  #mend(fresh: boolean): number | null {
    const link = this.link;
    if (link?.standing !== true || this.#restarts() >= MOST_RESTARTS) {
      this.#open(this.matched?.session ?? null);
      return null;
    }
    link.restart(fresh);
    const patience = RESTART_PATIENCE_MS + (6 * (this.clock.roundTrip ?? 0)) / 1000;
    return patience * (1 + this.#restarts() / 2); // the next one undoes what the last one has found so far
  }

  #networkChanged(): void {
    this.#heartbeat.hurry();
    if (this.state === "doubtful") this.#reconnect(true);
    else if (this.state === "reconnecting") this.#reconnection.hurry();
  }

  /** The heartbeat is heard again on the link that it was missed on. */
  #recover(): void {
    if (this.state === "doubtful") {
      this.state = this.stages.current === null ? "playing" : "opening";
      this.#arrive();
    } else if (this.state === "reconnecting") this.#resumed();
  }

  #resumed(): void {
    this.#reconnection.end();
    this.state = "playing";
    // A straggler of the old way may have been taken for more. The channels may be a second behind the picture.
    this.#heartbeat.watch(2 * MISSING_MS);
    this.#host.screen.thaw();
    this.#host.listen();
    this.#host.emit("playing", { resumed: true, stages: this.stages.times });
  }

  #ping(): void {
    // By chance, as checkers do, whom nobody is to answer before they have asked: by this nobody is to be told from them.
    const [id = 0] = crypto.getRandomValues(new Uint32Array(1));
    this.link?.send({ type: "ping", id, sent: micros(performance.now()) });
  }
}
