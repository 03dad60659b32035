import { Emitter } from "../emitter.js";
import { type DirectFigures, DirectSound } from "./directsound.js";

/** What is heard. */
export interface Sound {
  /** Whether there is anything to hear. */
  readonly available: boolean;
  /** Why there is not, as the edge says it, or "". */
  readonly reason: string;
  readonly muted: boolean;
  /** 0 to 1. */
  readonly volume: number;
}

/**
 * The sound, in an element of its own: within the picture's, a browser would hold each back for the other. It is muted at first,
 * and again whenever the browser does not let the page be heard; the player's next gesture then turns it on, unless the player
 * has turned it off.
 */
export class Speaker extends Emitter<{ change: Sound }> {
  readonly #audio = document.createElement("audio");
  /** What may play past the element, and does in its place where passing. */
  #direct: DirectSound | null = null;
  #passing = false;
  #off = false;
  #blocked = true;
  #reason = "";
  /** A button does what it says: one of the page's may be there to turn sound on. */
  readonly #gesture = (event: Event) => {
    if (!event.composedPath().some((at) => at instanceof HTMLButtonElement)) this.allow();
  };

  /** script is the address of direct.js; without it, and where the browser lacks what that takes, the element plays. */
  constructor(script?: string | URL) {
    super();
    if (script !== undefined && DirectSound.possible()) this.#direct = this.#prepare(script);
    this.#audio.autoplay = true;
    this.#apply();
    for (const event of GESTURES) window.addEventListener(event, this.#gesture, { capture: true });
  }

  get sound(): Sound {
    const { volume, srcObject } = this.#audio;
    return {
      available: srcObject !== null && this.#reason === "",
      reason: this.#reason,
      muted: this.#off || this.#blocked,
      volume,
    };
  }

  set muted(muted: boolean) {
    this.#off = muted;
    if (!muted) this.#blocked = false;
    this.#apply();
  }

  set volume(volume: number) {
    this.#audio.volume = Math.min(Math.max(volume, 0), 1);
    if (this.#direct !== null) this.#direct.volume = this.#audio.volume;
    this.#tell();
  }

  /** Settled when a connection may begin; what is not ready by then is too late for it. */
  get ready(): Promise<unknown> {
    return this.#direct?.ready ?? Promise.resolve();
  }

  show(stream: MediaStream, receiver: RTCRtpReceiver): void {
    this.#passing = this.#direct?.attach(receiver) ?? false;
    this.#audio.srcObject = stream;
    this.#apply();
  }

  /** How sound past the element fares; null where there is none. */
  figures(): Promise<DirectFigures | null> {
    return this.#passing ? (this.#direct?.figures() ?? Promise.resolve(null)) : Promise.resolve(null);
  }

  #prepare(script: string | URL): DirectSound {
    const direct = new DirectSound(script);
    direct.on("blocked", (blocked) => {
      if (blocked === this.#blocked) return;
      this.#blocked = blocked;
      this.#apply();
    });
    direct.on("failed", (reason) => {
      console.warn("nearlight: sound goes by the browser's own buffer:", reason);
      this.#direct = null;
      this.#passing = false;
      this.#apply();
    });
    return direct;
  }

  /** The edge tells why there is nothing to hear, or "" that there is. */
  explain(reason: string): void {
    this.#reason = reason;
    this.#tell();
  }

  /** A gesture lets the page be heard. */
  allow(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#apply();
  }

  close(): void {
    for (const event of GESTURES) window.removeEventListener(event, this.#gesture, { capture: true });
    this.#direct?.close();
    this.#direct = null;
    this.#audio.srcObject = null;
  }

  #apply(): void {
    const muted = this.#off || this.#blocked;
    this.#audio.muted = muted || this.#passing;
    if (this.#passing) this.#direct?.listen(!muted);
    if (this.#audio.srcObject !== null) {
      this.#audio.play().catch((error: unknown) => {
        if (this.#audio.muted || !(error instanceof DOMException) || error.name !== "NotAllowedError") return;
        this.#blocked = true;
        this.#apply();
      });
    }
    this.#tell();
  }

  #tell(): void {
    this.emit("change", this.sound);
  }
}

/** What browsers take for the player's wish to hear. */
const GESTURES = ["pointerdown", "keydown"] as const;
