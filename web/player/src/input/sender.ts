import { MAX_HELD_KEYS, MAX_TEXT_OCTETS, type Place, type ToEdge } from "../control/codec.js";

/** Motion that waits to be told: a place, or the totals of turning. */
type Motion = Place | "turn";

/** Sends a message, or drops it where its channel is not open or full. */
export type Send = (message: ToEdge) => void;

/** How often what is held is told again, so that a lost release of it never lasts. */
const HELD_INTERVAL_MS = 200;
/**
 * Least time between two messages of motion. A mouse of 8 kHz says nothing more to a game that draws 60 or 240 frames, and
 * the edge drops floods.
 */
const MOTION_INTERVAL_MS = 2;
/** After this much rest the last motion is told once more, in case it was the one that got lost. */
const SETTLE_MS = 60;
const BUTTONS = 5;

/**
 * What the player does, as numbered messages. It knows what is held, keeps motion to its rate, and is the one way for input:
 * the page's own controls call what the keyboard and mouse listeners call.
 */
export class InputSender {
  readonly #send: Send;
  readonly #keys = new Set<number>();
  #buttons = 0;
  #seq = 0;
  #turnX = 0;
  #turnY = 0;
  #motion: Motion | null = null;
  #lastMotion: Motion | null = null;
  #motionSentAt = Number.NEGATIVE_INFINITY;
  #motionTimer: ReturnType<typeof setTimeout> | undefined;
  #settleTimer: ReturnType<typeof setTimeout> | undefined;
  #heldTimer: ReturnType<typeof setInterval> | undefined;

  constructor(send: Send) {
    this.#send = send;
  }

  /** The number of the last message of input; 0 before the first. */
  get sequence(): number {
    return this.#seq;
  }

  /** The keys that are down, by evdev code. */
  get heldKeys(): ReadonlySet<number> {
    return this.#keys;
  }

  /** The buttons that are down; bit 0 is DOM button 0. */
  get heldButtons(): number {
    return this.#buttons;
  }

  /** Numbers start anew with a new connection, and nothing is held on it yet. */
  restart(): void {
    this.stop();
    this.#seq = 0;
    this.#turnX = 0;
    this.#turnY = 0;
  }

  key(code: number, down: boolean): void {
    if (down === this.#keys.has(code)) return;
    if (down && this.#keys.size >= MAX_HELD_KEYS) return;
    if (down) this.#keys.add(code);
    else this.#keys.delete(code);
    this.#flushMotion();
    this.#send({ type: "key", seq: ++this.#seq, down, code });
    this.#repeatHeld();
  }

  /** A button at a place, or where the pointer is under pointer lock. */
  button(button: number, down: boolean, place?: Place): void {
    const bit = 1 << button;
    if (button < 0 || button >= BUTTONS || down === ((this.#buttons & bit) !== 0)) return;
    this.#buttons ^= bit;
    if (place === undefined) this.#flushMotion();
    else this.#forgetMotion(); // the button itself says where, and an older place must not come after it
    this.#send({ type: "button", seq: ++this.#seq, down, button, at: place !== undefined, x: place?.x ?? 0, y: place?.y ?? 0 });
    this.#repeatHeld();
  }

  move(place: Place): void {
    this.#motion = place;
    this.#scheduleMotion();
  }

  /** Movement in mouse counts, which need not be whole. */
  turn(dx: number, dy: number): void {
    this.#turnX += dx * 16;
    this.#turnY += dy * 16;
    this.#motion = "turn";
    this.#scheduleMotion();
  }

  wheel(dx: number, dy: number): void {
    if (dx === 0 && dy === 0) return;
    this.#flushMotion();
    this.#send({ type: "wheel", seq: ++this.#seq, dx, dy });
  }

  /** Text that no key makes; longer text goes in several messages, cut between characters. */
  text(text: string): void {
    const encoder = new TextEncoder();
    let part = "";
    let octets = 0;
    const flush = () => {
      if (part !== "") this.#send({ type: "text", seq: ++this.#seq, text: part });
      part = "";
      octets = 0;
    };
    for (const character of text) {
      const size = encoder.encode(character).length;
      if (octets + size > MAX_TEXT_OCTETS) flush();
      part += character;
      octets += size;
    }
    flush();
  }

  /** Lets go of everything. Said even when nothing is known to be held: it costs one message. */
  release(): void {
    this.#keys.clear();
    this.#buttons = 0;
    this.#flushMotion();
    this.#send({ type: "release", seq: ++this.#seq });
    this.#repeatHeld();
  }

  /** Forgets what is held and ends all timers, without a message. */
  stop(): void {
    this.#keys.clear();
    this.#buttons = 0;
    this.#forgetMotion();
    clearTimeout(this.#motionTimer);
    this.#motionTimer = undefined;
    this.#repeatHeld();
  }

  #forgetMotion(): void {
    this.#motion = null;
    this.#lastMotion = null;
    clearTimeout(this.#settleTimer);
  }

  #scheduleMotion(): void {
    if (this.#motionTimer !== undefined) return;
    const wait = this.#motionSentAt + MOTION_INTERVAL_MS - performance.now();
    if (wait <= 0) this.#flushMotion();
    else
      this.#motionTimer = setTimeout(() => {
        this.#motionTimer = undefined;
        this.#flushMotion();
      }, wait);
  }

  #flushMotion(): void {
    const motion = this.#motion;
    if (motion === null) return;
    this.#motion = null;
    this.#lastMotion = motion;
    this.#motionSentAt = performance.now();
    this.#sendMotion(motion);
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => {
      if (this.#lastMotion !== null) this.#sendMotion(this.#lastMotion);
    }, SETTLE_MS);
  }

  #sendMotion(motion: Motion): void {
    const seq = ++this.#seq;
    if (motion === "turn") {
      this.#send({ type: "turn", seq, dx: Math.round(this.#turnX) | 0, dy: Math.round(this.#turnY) | 0 });
    } else {
      this.#send({ type: "move", seq, x: motion.x, y: motion.y });
    }
  }

  #repeatHeld(): void {
    const held = this.#keys.size > 0 || this.#buttons !== 0;
    if (!held) {
      clearInterval(this.#heldTimer);
      this.#heldTimer = undefined;
      return;
    }
    this.#heldTimer ??= setInterval(() => {
      this.#send({ type: "held", seq: ++this.#seq, buttons: this.#buttons, keys: [...this.#keys] });
    }, HELD_INTERVAL_MS);
  }
}
