import { Emitter } from "../emitter.js";

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
  #off = false;
  #blocked = true;
  #reason = "";
  /** A button does what it says: one of the page's may be there to turn sound on. */
  readonly #gesture = (event: Event) => {
    if (!event.composedPath().some((at) => at instanceof HTMLButtonElement)) this.allow();
  };

  constructor() {
    super();
    this.#audio.autoplay = true;
    this.#apply();
    for (const event of GESTURES) window.addEventListener(event, this.#gesture, { capture: true });
  }

  get sound(): Sound {
    const { muted, volume, srcObject } = this.#audio;
    return { available: srcObject !== null && this.#reason === "", reason: this.#reason, muted, volume };
  }

  set muted(muted: boolean) {
    this.#off = muted;
    if (!muted) this.#blocked = false;
    this.#apply();
  }

  set volume(volume: number) {
    this.#audio.volume = Math.min(Math.max(volume, 0), 1);
    this.#tell();
  }

  show(stream: MediaStream): void {
    this.#audio.srcObject = stream;
    this.#apply();
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
    this.#audio.srcObject = null;
  }

  #apply(): void {
    this.#audio.muted = this.#off || this.#blocked;
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
