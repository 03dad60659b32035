import { Emitter } from "../emitter.js";

/** How direct sound fares: milliseconds, and counts since the beginning. */
export interface DirectFigures {
  /** What waits to be heard at least, when something new comes; it grows where that was not enough. */
  readonly reserve: number;
  readonly waiting: number;
  readonly underruns: number;
  readonly jumps: number;
}

interface Events {
  /** It does not work here: sound goes on by the browser's own way. Nothing follows. */
  failed: string;
  /** The browser lets the page be heard, or does not. */
  blocked: boolean;
}

/** How long a connection waits for a script that is still on its way. */
const READY_MS = 500;
/** How long the browser may take to begin, after which the page is taken not to be allowed to. */
const START_MS = 300;

/**
 * Sound that passes by the browser's own jitter buffer: script is the address of direct.js, whose worker and worklet do the work. They are
 * loaded before there is a connection, since a browser gives frames only to who asks when a track is announced. It is silent until
 * listen(true).
 */
export class DirectSound extends Emitter<Events> {
  readonly #context = new AudioContext({ latencyHint: 0, sampleRate: 48_000 });
  readonly #gain = this.#context.createGain();
  readonly #worker: Worker;
  /** Settled once it can be attached, never will, or keeps others waiting for too long. */
  readonly ready: Promise<void>;
  #node: AudioWorkletNode | null = null;
  #attached = false;
  #listening = false;
  #closed = false;

  /** Whether this browser has all that it takes. */
  static possible(): boolean {
    return "RTCRtpScriptTransform" in window && "AudioDecoder" in window && "audioWorklet" in AudioContext.prototype;
  }

  constructor(script: string | URL) {
    super();
    this.#gain.connect(this.#context.destination);
    this.#worker = new Worker(script, { type: "module" });
    const loaded = new Promise<void>((resolve) => {
      this.#worker.onmessage = ({ data }) => (data === "ready" ? resolve() : this.#fail(String(data)));
    });
    this.#worker.onerror = ({ message }) => this.#fail(message);
    const patience = new Promise<void>((resolve) => setTimeout(resolve, READY_MS));
    const opened = this.#open(script, loaded).catch((error: unknown) => this.#fail(String(error)));
    this.ready = Promise.race([opened, patience]);
  }

  async #open(script: string | URL, ready: Promise<void>): Promise<void> {
    await Promise.all([this.#context.audioWorklet.addModule(script), ready]);
    if (this.#closed) return;
    const node = new AudioWorkletNode(this.#context, "nearlight-sound", { numberOfInputs: 0, outputChannelCount: [2] });
    node.connect(this.#gain);
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage(port1, [port1]);
    this.#worker.postMessage(port2, [port2]);
    this.#node = node;
  }

  /** Takes a connection's sound, in the place of the one before, and reports whether it does: it has to be asked in the track's event. */
  attach(receiver: RTCRtpReceiver): boolean {
    this.#attached = this.#node !== null && !this.#closed;
    if (this.#attached) receiver.transform = new RTCRtpScriptTransform(this.#worker);
    return this.#attached;
  }

  set volume(volume: number) {
    this.#gain.gain.value = volume;
  }

  /** Whether it is heard. Nothing is decoded while it is not. */
  listen(on: boolean): void {
    this.#listening = on;
    if (!this.#attached || this.#closed) return;
    if (!on) {
      this.#worker.postMessage(false);
      void this.#context.suspend();
      return;
    }
    const late = setTimeout(() => this.#tell(true), START_MS);
    void this.#context.resume().then(() => {
      clearTimeout(late);
      if (!this.#listening || this.#closed) return;
      this.#worker.postMessage(true);
      this.#tell(false);
    });
  }

  /** null where nothing plays yet. */
  figures(): Promise<DirectFigures | null> {
    const node = this.#node;
    if (node === null) return Promise.resolve(null);
    return new Promise((resolve) => {
      node.port.onmessage = ({ data }: MessageEvent<DirectFigures>) => resolve(data);
      node.port.postMessage("figures");
    });
  }

  /** Idempotent. What comes is lost from here on, if the connection still stands. */
  close(): void {
    this.#worker.terminate();
    this.#stop();
  }

  #stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#node?.port.postMessage("end");
    void this.#context.close();
  }

  #tell(blocked: boolean): void {
    if (this.#listening && !this.#closed) this.emit("blocked", blocked);
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.#stop(); // the worker goes on to hand over what it took
    this.emit("failed", reason);
  }
}
