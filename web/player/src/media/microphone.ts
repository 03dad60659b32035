import { Emitter } from "../emitter.js";
import { type LocalCode, PlayerError } from "../errors.js";

/** Whether the game hears the player. */
export interface Microphone {
  /**
   * absent: this session takes nothing of what its player says. off: it would, if the player turned the microphone on. asking: the
   * browser, and so the player, is asked. on: the game hears the player. refused: it does not, and error says why; it may be turned on
   * again.
   */
  readonly state: "absent" | "off" | "asking" | "on" | "refused";
  readonly error: PlayerError | null;
}

/** What a browser may say instead of giving a microphone (W3C Media Capture and Streams, section 9.2). */
const REFUSALS: Readonly<Record<string, LocalCode>> = {
  NotAllowedError: "microphone-denied",
  SecurityError: "microphone-denied",
  NotFoundError: "microphone-missing",
  OverconstrainedError: "microphone-missing",
};

/** What the game plays is not to come back to it by the microphone. */
const WANTED = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } };

/**
 * The player's microphone. The device is opened when the player turns it on, and let go when it is turned off, so that the browser's sign
 * shows what is true; connections may come and go meanwhile.
 *
 *   absent --the edge takes it--> off --on--> asking --the browser gives it--> on --off--> off
 *                                              '------------> refused --on--> asking
 */
export class MicrophoneLine extends Emitter<{ change: Microphone }> {
  #sender: RTCRtpSender | null = null;
  #taken = false;
  #now: Microphone = { state: "absent", error: null };
  #track: MediaStreamTrack | null = null;
  /** Which asking is the newest: an older one's outcome is of no use. */
  #asked = 0;

  get microphone(): Microphone {
    return this.#now;
  }

  /** A connection's way for what is said; null when it is gone, or there is none. */
  attach(sender: RTCRtpSender | null): void {
    this.#sender = sender;
    if (sender === null) return;
    this.#taken = true;
    if (this.#track !== null) this.#send();
    if (this.#now.state === "absent") this.#become("off");
  }

  /** Turns it on, which asks the player, or off. */
  set(on: boolean): void {
    if (!on) this.#release(this.#taken ? "off" : "absent");
    else if (!this.#taken) this.#refuse("microphone-forbidden");
    else if (this.#now.state !== "on" && this.#now.state !== "asking") void this.#ask();
  }

  close(): void {
    this.#taken = false;
    this.#release("absent");
  }

  async #ask(): Promise<void> {
    const asked = ++this.#asked;
    this.#become("asking");
    // TypeScript takes it for given; browsers have it in secure contexts alone.
    const devices: MediaDevices | undefined = navigator.mediaDevices;
    if (devices === undefined) return this.#refuse("microphone-insecure");
    try {
      const stream = await devices.getUserMedia(WANTED);
      const [track] = stream.getAudioTracks();
      if (asked !== this.#asked || track === undefined) {
        for (const unwanted of stream.getTracks()) unwanted.stop();
        return;
      }
      track.onended = () => this.#refuse("microphone-missing"); // pulled out, or taken back by the player
      this.#track = track;
      this.#send();
      this.#become("on");
    } catch (cause) {
      if (asked === this.#asked)
        this.#refuse(REFUSALS[cause instanceof DOMException ? cause.name : ""] ?? "microphone-busy", cause);
    }
  }

  #send(): void {
    // A connection that is closed takes none; the next one does.
    this.#sender?.replaceTrack(this.#track).catch(() => undefined);
  }

  #refuse(code: LocalCode, cause?: unknown): void {
    this.#release("refused", PlayerError.of(code, cause));
  }

  #release(state: Microphone["state"], error: PlayerError | null = null): void {
    this.#asked++;
    if (this.#track !== null) {
      this.#track.onended = null;
      this.#track.stop();
      this.#track = null;
      this.#send();
    }
    this.#become(state, error);
  }

  #become(state: Microphone["state"], error: PlayerError | null = null): void {
    if (state === this.#now.state && error === null) return;
    this.#now = { state, error };
    this.emit("change", this.#now);
  }
}
