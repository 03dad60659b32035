import type { SessionKey } from "./binding/keys.js";
import { type Cause, CauseTeller, causeOf } from "./cause.js";
import type { ClockReading } from "./clock.js";
import { Connection } from "./connection.js";
import type { VideoNotice } from "./control/notice.js";
import { CursorStyle } from "./cursor.js";
import { Emitter } from "./emitter.js";
import type { SessionEvents } from "./events.js";
import { enterFullScreen } from "./fullscreen.js";
import { InputCapture } from "./input/capture.js";
import { type Input, PageInput } from "./input/input.js";
import { PointerLock } from "./input/pointerlock.js";
import { InputSender } from "./input/sender.js";
import type { DirectFigures } from "./media/directsound.js";
import { watchFrames } from "./media/frames.js";
import { MicrophoneLine } from "./media/microphone.js";
import { receiverCounts } from "./media/receiver.js";
import { Screen } from "./media/screen.js";
import { type Sound, Speaker } from "./media/speaker.js";
import { type Stats, StatsMeter } from "./media/stats.js";
import type { ConnectOptions } from "./options.js";
import { watchingAt } from "./signaling/address.js";
import type { StageTime } from "./stages.js";

const STATS_INTERVAL_MS = 1_000;

/**
 * One app played by one player: what the page has of it, and what the page lends it, picture, sound, input and microphone. All callbacks run on the
 * page's one thread.
 */
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
  readonly #meter: StatsMeter;
  readonly #connection: Readonly<Connection>;
  readonly #causes = new CauseTeller();
  #cause: Cause | null = null;
  #video: VideoNotice | null = null;
  #dropped = 0;
  readonly #unwatch: () => void;
  readonly #summaries: ReturnType<typeof setInterval>;

  constructor(options: ConnectOptions) {
    super();
    this.#options = options;
    this.#speaker = new Speaker(options.directSound);
    this.#screen = new Screen(options.element);
    const { video } = this.#screen;
    this.#cursor = new CursorStyle(video);
    this.#lock = new PointerLock(video, options.pointer ?? "auto");
    this.#sender = new InputSender((message) => this.#connection.link?.send(message));
    const reserved = new Set(options.reservedKeys);
    this.#capture = new InputCapture({ video, surface: video, reserved }, this.#sender, this.#lock);
    this.input = new PageInput(this.#sender, () => this.#listen());
    this.#meter = new StatsMeter(performance.now());
    this.#connection = new Connection(options, {
      screen: this.#screen,
      speaker: this.#speaker,
      microphone: this.#microphone,
      emit: (name, event) => this.emit(name, event),
      anew: () => {
        this.#sender.restart();
        this.#meter.reconnected();
      },
      listen: () => this.#listen(),
      lost: () => {
        this.#meter.reconnected();
        this.#judge(null);
      },
      message: (message) => {
        if (message.type === "cursor") {
          this.#cursor.show(message);
          this.#lock.cursor(message.width === 0);
        } else if (message.type === "notice") {
          const { notice } = message;
          if (notice.kind === "stats") this.#meter.edge(notice);
          if (notice.kind === "video") this.#video = notice;
          if (notice.kind === "audio")
            this.#speaker.explain(notice.state === "on" ? "" : notice.reason || "There is no sound.");
          this.emit("notice", notice);
        }
      },
      // Everything but the picture ends, whose last frame stays until close().
      over: () => {
        this.#screen.freeze();
        this.#capture.detach();
        this.#sender.stop();
        this.#speaker.close();
        this.#microphone.close();
        this.#lock.close();
        this.#cursor.close();
        this.#unwatch();
        clearInterval(this.#summaries);
      },
    });
    this.on("moved", () => {
      this.#video = null;
    });
    this.#speaker.on("change", (sound) => this.emit("sound", sound));
    this.#microphone.on("change", (microphone) => this.emit("microphone", microphone));
    this.#lock.on("change", (locked) => this.emit("pointer", { locked }));
    this.#unwatch = watchFrames(video, (frame) => {
      if (!this.#connection.presented(frame)) return;
      this.#meter.frame(frame, this.#connection.clock);
      this.emit("frame", frame);
    });
    this.#summaries = setInterval(() => void this.#summarise(), STATS_INTERVAL_MS);
    queueMicrotask(() => void this.#connection.begin()); // the caller sets its listeners first
  }

  /** The session's id, by which it can be resumed; null before an edge was found. */
  get id(): string | null {
    return this.#connection.matched?.session ?? null;
  }

  /**
   * The session's key, where the token demands one; null before it is there. A page that goes on with the session after a reload passes it
   * to connect() again, beside the id: to the edge, the key is the player.
   */
  get key(): SessionKey | null {
    return this.#connection.key;
  }

  /**
   * The address at which others look on at this session, and can do nothing else. null before an edge was found, for who looks
   * on, and where nothing makes it: neither the option shareURL, nor signaling, which does where it holds the key that signs
   * tokens and this player's own has the right "watch".
   */
  get shareURL(): string | null {
    const { signal, shareURL, watch } = this.#options;
    const { matched } = this.#connection;
    if (matched === null || watch !== undefined) return null;
    const { session, share } = matched;
    if (shareURL !== undefined) return shareURL(session);
    return share === undefined ? null : watchingAt(signal, session, share);
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
    if (this.#connection.state !== "over") this.#microphone.set(on);
  }

  /** The edge's clock as seen from here, null before it was read. */
  get clock(): ClockReading | null {
    return this.#connection.clock.reading;
  }

  get stages(): readonly StageTime[] {
    return this.#connection.stages.times;
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
    this.#connection.finish();
    this.#screen.close();
  }

  /** Input counts while there is a picture to answer, and the page lets it. */
  #listen(): void {
    if (this.#connection.live && this.input.capture && this.#options.watch === undefined) this.#capture.attach();
    else this.#capture.detach();
  }

  async #summarise(): Promise<void> {
    const connection = this.#connection;
    if (connection.state === "reconnecting") this.#judge(null);
    if (connection.state !== "playing") return;
    const report = (await connection.link?.stats()) ?? null;
    if (connection.state !== "playing") return;
    const stats = this.#meter.summary(performance.now(), receiverCounts(report), connection.clock);
    this.emit("stats", stats);
    if (!document.hidden) this.#judge(stats);
  }

  /** Names what is wrong, if anything is. Without stats nothing comes. */
  #judge(stats: Stats | null): void {
    let dropped = 0;
    if (stats !== null) {
      dropped = Math.max(stats.dropped - this.#dropped, 0);
      this.#dropped = stats.dropped;
    }
    const now = causeOf({
      silence: stats === null ? performance.now() - this.#connection.silentSince : null,
      online: navigator.onLine,
      signaling: this.#connection.answered,
      stats,
      video: this.#options.watch === undefined ? this.#video : watched(this.#video),
      dropped,
    });
    const told = this.#causes.observe(now, stats === null);
    if (told !== null || this.#cause !== null) this.emit("cause", told);
    this.#cause = told;
  }
}

/** What the notice says to one who looks on: the picture's limits are of the player's own link and device. */
function watched(video: VideoNotice | null): VideoNotice | null {
  return video === null || video.limit === "edge" ? video : { ...video, limit: "" };
}
