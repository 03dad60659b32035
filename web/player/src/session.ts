import type { Bond } from "./binding/bond.js";
import type { SessionKey } from "./binding/keys.js";
import { trustOf } from "./binding/trust.js";
import { type Cause, CauseTeller, causeOf } from "./cause.js";
import { type ClockReading, EdgeClock } from "./clock.js";
import type { FromEdge } from "./control/codec.js";
import type { Notice, VideoNotice } from "./control/notice.js";
import { CursorStyle } from "./cursor.js";
import { Emitter } from "./emitter.js";
import { type ErrorInfo, PlayerError } from "./errors.js";
import { enterFullScreen } from "./fullscreen.js";
import { Heartbeat, MISSING_MS } from "./heartbeat.js";
import { InputCapture } from "./input/capture.js";
import { type Input, PageInput } from "./input/input.js";
import { PointerLock } from "./input/pointerlock.js";
import { InputSender } from "./input/sender.js";
import { Link, type LinkRequest } from "./link.js";
import type { DirectFigures } from "./media/directsound.js";
import { type FrameSample, watchFrames } from "./media/frames.js";
import { type Microphone, MicrophoneLine } from "./media/microphone.js";
import { receiverCounts } from "./media/receiver.js";
import { Screen } from "./media/screen.js";
import { type Sound, Speaker } from "./media/speaker.js";
import { type Stats, StatsMeter } from "./media/stats.js";
import type { ConnectOptions } from "./options.js";
import { Reconnection, transient } from "./reconnection.js";
import { watchingAt } from "./signaling/address.js";
import { type Stage, StageClock, type StageTime } from "./stages.js";
import { decodable, named, smoothest, VIDEO_CODECS } from "./support.js";

export interface SessionEvents {
  /** A stage began or says more about itself. */
  stage: { readonly stage: Stage; readonly detail: string; readonly stages: readonly StageTime[] };
  /** The game is on the screen, for the first time or again after the connection was lost. */
  playing: { readonly resumed: boolean; readonly stages: readonly StageTime[] };
  /** Once a second while playing. */
  stats: Stats;
  /** What makes the game worse than it should be, with its newest figures once a second; null once it is over. */
  cause: Cause | null;
  /** Every presented frame. */
  frame: FrameSample;
  /** The connection is lost; the last frame stands. Once a second until it is back or time is up. */
  reconnecting: { readonly secondsLeft: number };
  /** All machines are in use. 1 is the next in line; estimate is in seconds, null where nobody knows. Told again when it changes. */
  queued: { readonly position: number; readonly waiting: number; readonly estimate: number | null };
  /** The edge cannot go on, and another is being found: stages come again, and the game begins anew. */
  moved: { readonly reason: ErrorInfo };
  /** What the edge tells. */
  notice: Notice;
  /** What is heard has changed: there is sound now or none, it was muted or not, by the page or by the browser. */
  sound: Sound;
  /** Whether the game hears the player has changed, or whether it could. */
  microphone: Microphone;
  /** Whether the pointer is locked. */
  pointer: { readonly locked: boolean };
  /** The session ended as sessions do: the game was quit, or the edge is being stopped. Nothing follows. */
  ended: { readonly reason: ErrorInfo; readonly output: readonly string[] };
  /** The session failed. Nothing follows. */
  error: PlayerError;
}

const PING_INTERVAL_MS = 250;
const STATS_INTERVAL_MS = 1_000;
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
type State = "opening" | "playing" | "doubtful" | "reconnecting" | "over";

/** One app played by one player, over as many connections as it takes. All callbacks run on the page's one thread. */
export class Session extends Emitter<SessionEvents> {
  readonly input: Input;
  readonly #options: ConnectOptions;
  readonly #screen: Screen;
  readonly #speaker: Speaker;
  readonly #microphone = new MicrophoneLine();
  readonly #cursor: CursorStyle;
  readonly #lock: PointerLock;
  readonly #sender: InputSender;
  readonly #capture: InputCapture;
  readonly #heartbeat = new Heartbeat();
  #stages = new StageClock();
  readonly #meter: StatsMeter;
  readonly #reconnection: Reconnection;
  readonly #over = new AbortController();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #unwatch: () => void = () => undefined;
  #clock = new EdgeClock();
  #state: State = "opening";
  #link: Link | null = null;
  /** What connections are checked by; null where the token demands nothing. */
  #bond: Promise<Bond> | null = null;
  #key: SessionKey | null = null;
  /** The connection that was lost, by its link and how often that had new ways; null once another took its place. */
  #broken: { readonly link: Link | null; readonly restarts: number } | null = null;
  #id: string | null = null;
  /** What signaling signed for who looks on; null where it signs nothing. */
  #share: string | null = null;
  #codecs: readonly string[] = [];
  #video: VideoNotice | null = null;
  readonly #causes = new CauseTeller();
  #cause: Cause | null = null;
  /** Whether signaling answered when it was asked for the edge; null before. */
  #answered: boolean | null = null;
  #dropped = 0;
  #silentSince = 0;
  #appRunning = false;
  #streamShown = false;
  #pictureSeen = false;
  #pings = 0;
  #firstFrameTimer: ReturnType<typeof setTimeout> | undefined;
  #rejoinTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectOptions) {
    super();
    this.#options = options;
    this.#speaker = new Speaker(options.directSound);
    this.#screen = new Screen(options.element);
    const { video } = this.#screen;
    this.#cursor = new CursorStyle(video);
    this.#lock = new PointerLock(video, options.pointer ?? "auto");
    this.#sender = new InputSender((message) => this.#link?.send(message));
    const reserved = new Set(options.reservedKeys);
    this.#capture = new InputCapture({ video, surface: video, reserved }, this.#sender, this.#lock);
    this.input = new PageInput(this.#sender, () => this.#listen());
    this.#meter = new StatsMeter(performance.now());
    this.#reconnection = new Reconnection({
      attempt: (fresh) => this.#mend(fresh),
      tick: (secondsLeft) => this.emit("reconnecting", { secondsLeft }),
      expired: () => this.#fail(PlayerError.of("connection-lost")),
    });
    this.#speaker.on("change", (sound) => this.emit("sound", sound));
    this.#microphone.on("change", (microphone) => this.emit("microphone", microphone));
    this.#lock.on("change", (locked) => this.emit("pointer", { locked }));
    this.#heartbeat.on("missing", () => void this.#doubt());
    const { signal } = this.#over;
    for (const name of ["online", "offline"]) window.addEventListener(name, () => this.#networkChanged(), { signal });
    connectionOf(navigator)?.addEventListener("change", () => this.#networkChanged(), { signal });
    this.#heartbeat.on("back", () => this.#recover());
    queueMicrotask(() => void this.#begin()); // the caller sets its listeners first
  }

  /** The session's id, by which it can be resumed; null before an edge was found. */
  get id(): string | null {
    return this.#id;
  }

  /**
   * The session's key, where the token demands one; null before it is there. A page that goes on with the session after a reload passes it
   * to connect() again, beside the id: to the edge, the key is the player.
   */
  get key(): SessionKey | null {
    return this.#key;
  }

  /**
   * The address at which others look on at this session, and can do nothing else. null before an edge was found, for who looks
   * on, and where nothing makes it: neither the option shareURL, nor signaling, which does where it holds the key that signs
   * tokens and this player's own has the right "watch".
   */
  get shareURL(): string | null {
    const { signal, shareURL, watch } = this.#options;
    if (this.#id === null || watch !== undefined) return null;
    if (shareURL !== undefined) return shareURL(this.#id);
    return this.#share === null ? null : watchingAt(signal, this.#id, this.#share);
  }

  /** The element that shows the game. */
  get video(): HTMLVideoElement {
    return this.#screen.video;
  }

  /** What is heard. */
  get sound(): Sound {
    return this.#speaker.sound;
  }

  /** How sound fares that the option directSound has pass by the browser's buffer; null where it does not. */
  soundFigures(): Promise<DirectFigures | null> {
    return this.#speaker.figures();
  }

  /** Whether the game is not heard. A session begins muted; play(), or any click or key on the page but for buttons, turns sound on. */
  get muted(): boolean {
    return this.#speaker.sound.muted;
  }

  /** Set to false from a gesture of the player's, else the browser may mute it again. */
  set muted(muted: boolean) {
    this.#speaker.muted = muted;
  }

  /** How loud the game is, 0 to 1. Phones leave that to their own buttons. */
  get volume(): number {
    return this.#speaker.sound.volume;
  }

  set volume(volume: number) {
    this.#speaker.volume = volume;
  }

  /**
   * Whether the game hears the player. A session begins without; set to true from a gesture of the player's, who is asked by the
   * browser. The event "microphone" tells what becomes of it; "refused" says why in words. false lets the device go.
   */
  get microphone(): boolean {
    return this.#microphone.microphone.state === "on";
  }

  set microphone(on: boolean) {
    if (this.#state !== "over") this.#microphone.set(on);
  }

  /** The edge's clock as seen from here, null before it was read. */
  get clock(): ClockReading | null {
    return this.#clock.reading;
  }

  get stages(): readonly StageTime[] {
    return this.#stages.times;
  }

  /**
   * Takes a gesture of the player's: sound on, full screen, the keyboard's special keys and, where the game wants it, the
   * pointer. What the browser has not, or refuses, is left out: the game plays without it.
   */
  async play(): Promise<void> {
    this.#speaker.allow();
    this.#lock.gesture();
    await enterFullScreen(this.#options.fullscreen ?? this.#options.element);
    this.#screen.video.focus({ preventScroll: true });
  }

  /** Leaves the session and takes away what connect() added to the page. Idempotent; no event follows. */
  close(): void {
    this.#finish();
    this.#screen.close();
  }

  async #begin(): Promise<void> {
    if (this.#state === "over") return;
    this.#enter("finding");
    try {
      this.#bond = bondOf(this.#options);
      this.#bond?.then(
        ({ key }) => {
          this.#key = key;
        },
        () => undefined, // the link tells it
      );
      this.#codecs = named(await smoothest(decodable(this.#options.codecs ?? VIDEO_CODECS), this.#options.size));
    } catch (error) {
      this.#fail(error instanceof PlayerError ? error : PlayerError.of("no-webrtc", error));
      return;
    }
    if (this.#isOver()) return; // closed meanwhile
    this.#unwatch = watchFrames(this.#screen.video, (frame) => this.#presented(frame));
    this.#open(this.#options.resume ?? null);
    this.#timers.push(setInterval(() => this.#ping(), PING_INTERVAL_MS));
    this.#timers.push(setInterval(() => void this.#summarise(), STATS_INTERVAL_MS));
  }

  /** The state as it is now: across an await the compiler takes it for what it was. */
  #isOver(): boolean {
    return this.#state === "over";
  }

  /** Opens a link in the old one's place. */
  #open(resume: string | null): void {
    const { signal, token, app, size, watch } = this.#options;
    const request: LinkRequest = {
      signal,
      token,
      codecs: this.#codecs,
      ready: this.#speaker.ready,
      ...(app === undefined ? {} : { app }),
      ...(size === undefined ? {} : { size }),
      ...(resume === null ? {} : { resume }),
      ...(watch === undefined ? {} : { watch }),
    };
    const link = new Link(request, this.#bond);
    this.#link?.close(false);
    this.#link = link;
    this.#renew();
    link.on("matched", ({ session, share }) => {
      this.#id = session;
      this.#share = share ?? null;
      this.#enter("starting");
    });
    link.on("queued", ({ position, waiting, estimate }) => {
      this.emit("queued", { position, waiting, estimate: estimate < 0 ? null : estimate });
      this.#enter("finding", inLine(position, waiting, estimate));
    });
    link.on("moved", (reason) => this.#moved(reason));
    link.on("progress", ({ stage, detail }) => this.#enter(stage, detail));
    link.on("connected", () => this.#connected());
    link.on("stream", (stream) => {
      this.#screen.show(stream);
      this.#streamShown = true;
    });
    link.on("sound", ({ stream, receiver }) => this.#speaker.show(stream, receiver));
    link.on("microphone", (sender) => this.#microphone.attach(sender));
    link.on("message", (message) => this.#receive(message));
    link.on("lost", () => void this.#doubt());
    link.on("anew", () => this.#renew());
    link.on("faltering", () => this.#heartbeat.hurry());
    link.on("unheard", () => {
      if (this.#state === "playing") link.restart(false); // pictures come: nobody needs to know
    });
    link.on("adrift", (error) => this.#rejoin(error));
    link.on("ended", ({ reason, output }) => {
      this.#finish();
      this.emit("ended", { reason, output });
    });
    link.on("failed", (error) => this.#linkFailed(error, resume));
  }

  /** What a connection counts begins anew with each. */
  #renew(): void {
    if (this.#pictureSeen) this.#screen.freeze();
    this.#broken = null;
    this.#heartbeat.stop();
    this.#sender.restart();
    this.#microphone.attach(null);
    this.#meter.reconnected();
    this.#clock = new EdgeClock();
    this.#streamShown = false;
  }

  /** Another edge takes the session over: all begins anew but the page and what it listens to. */
  #moved(reason: ErrorInfo): void {
    if (this.#state === "over") return;
    this.#reconnection.end();
    clearTimeout(this.#firstFrameTimer);
    clearTimeout(this.#rejoinTimer);
    this.#renew(); // the last picture stays
    this.#state = "opening";
    this.#stages = new StageClock();
    this.#pictureSeen = false;
    this.#appRunning = false;
    this.#video = null;
    this.#id = null;
    this.#share = null;
    this.#listen();
    this.emit("moved", { reason });
    this.#enter("finding", reason.message);
  }

  /** Signaling took the player for lost: asks for the same session again, while the connection goes on to serve. */
  #rejoin(error: PlayerError): void {
    if (this.#state === "reconnecting") this.#linkFailed(error, null);
    if (this.#state === "reconnecting" || !transient(error)) return; // what ails the session shows when the connection ends
    clearTimeout(this.#rejoinTimer);
    this.#rejoinTimer = setTimeout(() => {
      if (this.#state === "playing" || this.#state === "opening") this.#link?.restart(true);
    }, REJOIN_PAUSE_MS);
  }

  #connected(): void {
    this.#enter("first-frame");
    this.#ping();
    this.#expectFrame();
  }

  #expectFrame(): void {
    clearTimeout(this.#firstFrameTimer);
    this.#firstFrameTimer = setTimeout(() => {
      if (document.hidden) return this.#expectFrame(); // nothing is presented on a hidden page
      if (this.#state === "reconnecting") this.#link?.close(false);
      this.#linkFailed(PlayerError.of("no-picture"), null);
    }, FIRST_FRAME_TIMEOUT_MS);
  }

  #linkFailed(error: PlayerError, resumed: string | null): void {
    if (this.#state === "reconnecting") {
      if (!this.#reconnection.failed(error)) this.#fail(error);
    } else if (this.#state === "opening" && resumed !== null && !this.#pictureSeen) {
      this.#open(null); // what was to be resumed is over: start anew
    } else if (this.#state === "playing" && transient(error)) {
      this.#reconnect(true);
    } else {
      this.#fail(error);
    }
  }

  #receive(message: FromEdge): void {
    // What comes by new ways shows that there are: the picture follows.
    if (this.#state === "reconnecting" && this.#broken !== null && this.#restarts() > 0) this.#resumed();
    switch (message.type) {
      case "pong":
        this.#clock.observe(message.sent, message.edge, micros(performance.now()));
        break;
      case "alive":
        this.#heartbeat.beat();
        break;
      case "cursor":
        this.#cursor.show(message);
        this.#lock.cursor(message.width === 0);
        break;
      case "notice":
        if (message.notice.kind === "stats") this.#meter.edge(message.notice);
        if (message.notice.kind === "video") this.#video = message.notice;
        if (message.notice.kind === "app" && message.notice.state === "running") this.#appRunning = true;
        if (message.notice.kind === "audio")
          this.#speaker.explain(message.notice.state === "on" ? "" : message.notice.reason || "There is no sound.");
        this.emit("notice", message.notice);
        this.#arrive();
        break;
    }
  }

  #presented(frame: FrameSample): void {
    if (this.#state === "over" || !this.#streamShown) return;
    this.#link?.send({
      type: "ack",
      rtp: frame.rtp,
      received: micros(frame.received),
      presented: micros(frame.presented),
      decode: micros(frame.decode),
      frames: frame.count,
    });
    this.#meter.frame(frame, this.#clock);
    if (!this.#pictureSeen) {
      this.#pictureSeen = true;
      this.#heartbeat.watch();
      this.#enter("loading");
    }
    clearTimeout(this.#firstFrameTimer);
    if (this.#state === "playing" || this.#state === "opening") this.#screen.thaw();
    if (this.#state === "reconnecting" && this.#restarts() > 0) this.#resumed();
    this.#listen();
    this.#arrive();
    this.emit("frame", frame);
  }

  /** The game is there once it has drawn and its picture is seen. */
  #arrive(): void {
    if (this.#state !== "opening" || !this.#pictureSeen || !this.#appRunning) return;
    this.#stages.finish(performance.now());
    this.#state = "playing";
    this.emit("playing", { resumed: false, stages: this.#stages.times });
  }

  /** Something is wrong with the edge or with the way to it. Signaling says which. */
  async #doubt(): Promise<void> {
    const link = this.#link;
    if (link === null || this.#state === "over" || this.#state === "doubtful" || !this.#pictureSeen) return;
    if (this.#state === "reconnecting") return;
    const before = this.#state;
    this.#state = "doubtful";
    const verdict = await link.check();
    if (this.#state !== "doubtful" || link !== this.#link) return;
    this.#answered = verdict !== "unknown";
    if (verdict === "gone") return this.#fail(PlayerError.of("edge-gone"));
    if (before === "opening") this.#stages.finish(performance.now());
    this.#reconnect(verdict === "unknown");
  }

  #reconnect(fresh: boolean): void {
    this.#state = "reconnecting";
    this.#silentSince = performance.now() - MISSING_MS;
    clearTimeout(this.#rejoinTimer);
    this.#broken = { link: this.#link, restarts: this.#link?.restarts ?? 0 };
    this.#screen.freeze();
    this.#listen();
    this.#meter.reconnected();
    this.#reconnection.begin(fresh);
    this.#judge(null);
  }

  /** How often the connection was offered new ways since it broke; of another one, always enough. */
  #restarts(): number {
    const broken = this.#broken;
    return broken === null ? MOST_RESTARTS : (broken.link?.restarts ?? 0) - broken.restarts;
  }

  /** Asks for new ways for the connection that broke; where they bring nothing, or nothing is left of it, for another. */
  #mend(fresh: boolean): number | null {
    const link = this.#link;
    if (link?.standing !== true || this.#restarts() >= MOST_RESTARTS) {
      this.#open(this.#id);
      return null;
    }
    link.restart(fresh);
    const patience = RESTART_PATIENCE_MS + (6 * (this.#clock.roundTrip ?? 0)) / 1000;
    return patience * (1 + this.#restarts() / 2); // the next one undoes what the last one has found so far
  }

  #networkChanged(): void {
    this.#heartbeat.hurry();
    if (this.#state === "doubtful") this.#reconnect(true);
    else if (this.#state === "reconnecting") this.#reconnection.hurry();
  }

  /** The heartbeat is heard again on the link that it was missed on. */
  #recover(): void {
    if (this.#state === "doubtful") {
      this.#state = this.#stages.current === null ? "playing" : "opening";
      this.#arrive();
    } else if (this.#state === "reconnecting") this.#resumed();
  }

  #resumed(): void {
    this.#reconnection.end();
    this.#state = "playing";
    // A straggler of the old way may have been taken for more. The channels may be a second behind the picture.
    this.#heartbeat.watch(2 * MISSING_MS);
    this.#screen.thaw();
    this.#listen();
    this.emit("playing", { resumed: true, stages: this.#stages.times });
  }

  /** Input counts while there is a picture to answer, and the page lets it. */
  #listen(): void {
    const live = this.#pictureSeen && (this.#state === "opening" || this.#state === "playing");
    if (live && this.input.capture && this.#options.watch === undefined) this.#capture.attach();
    else this.#capture.detach();
  }

  #enter(stage: Stage, detail = ""): void {
    if (this.#state !== "opening") return;
    this.#stages.enter(stage, performance.now());
    if (this.#stages.current === stage) this.emit("stage", { stage, detail, stages: this.#stages.times });
  }

  #ping(): void {
    this.#pings = (this.#pings + 1) >>> 0;
    this.#link?.send({ type: "ping", id: this.#pings, sent: micros(performance.now()) });
  }

  async #summarise(): Promise<void> {
    if (this.#state === "reconnecting") this.#judge(null);
    if (this.#state !== "playing") return;
    const report = (await this.#link?.stats()) ?? null;
    if (this.#state !== "playing") return;
    const stats = this.#meter.summary(performance.now(), receiverCounts(report), this.#clock);
    this.emit("stats", stats);
    if (!document.hidden) this.#judge(stats);
  }

  /** Names what is wrong, if anything is. Without stats nothing comes. */
  #judge(stats: Stats | null): void {
    const dropped = stats === null ? 0 : Math.max(stats.dropped - this.#dropped, 0);
    this.#dropped = stats?.dropped ?? this.#dropped;
    const now = causeOf({
      silence: stats === null ? performance.now() - this.#silentSince : null,
      online: navigator.onLine,
      signaling: this.#answered,
      stats,
      video: this.#options.watch === undefined ? this.#video : watched(this.#video),
      dropped,
    });
    const told = this.#causes.observe(now, stats === null);
    if (told !== null || this.#cause !== null) this.emit("cause", told);
    this.#cause = told;
  }

  #fail(error: PlayerError): void {
    if (this.#state === "over") return;
    this.#finish();
    this.emit("error", error);
  }

  /** Ends everything but the picture, whose last frame stays until close(). */
  #finish(): void {
    if (this.#state === "over") return;
    this.#screen.freeze();
    this.#state = "over";
    this.#capture.detach();
    this.#sender.stop();
    this.#speaker.close();
    this.#microphone.close();
    this.#lock.close();
    this.#cursor.close();
    this.#heartbeat.stop();
    this.#reconnection.end();
    this.#unwatch();
    this.#over.abort();
    clearTimeout(this.#firstFrameTimer);
    clearTimeout(this.#rejoinTimer);
    for (const timer of this.#timers) clearInterval(timer);
    this.#link?.close(true);
  }
}

/** What the notice says to one who looks on: the picture's limits are of the player's own link and device. */
function watched(video: VideoNotice | null): VideoNotice | null {
  return video === null || video.limit === "edge" ? video : { ...video, limit: "" };
}

/** What the connections of a session are checked by. The code for it is fetched only where the token demands it. */
function bondOf({ token, key }: ConnectOptions): Promise<Bond> | null {
  const trust = trustOf(token);
  if (trust === null) return null;
  return import("./binding/bond.js").then(
    ({ Bond }) => new Bond(trust, key ?? null),
    (cause) => {
      throw PlayerError.of("unproven", cause);
    },
  );
}

/** What tells of a change of network, where the browser has it. */
function connectionOf(browser: Navigator & { readonly connection?: EventTarget }): EventTarget | undefined {
  return browser.connection;
}

/** The place in line, in words. */
function inLine(position: number, waiting: number, estimate: number): string {
  const place =
    position === 1
      ? "All machines are in use; you are next in line"
      : `All machines are in use; you are number ${position} of ${waiting} in line`;
  if (estimate < 0) return `${place}.`;
  return estimate < 60 ? `${place}: less than a minute.` : `${place}: about ${Math.ceil(estimate / 60)} min.`;
}

function micros(ms: number): number {
  return Math.round(ms * 1000);
}
