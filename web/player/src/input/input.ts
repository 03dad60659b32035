import { EVDEV } from "../control/keys.js";
import type { InputSender } from "./sender.js";

/** What a page's own controls, an on-screen pad say, use to play: each call is one input, as if a device had made it. */
export interface Input {
  /** The number of the last message of input; a marker in the picture names the one it answers. */
  readonly sequence: number;
  /** Whether keyboard, mouse, wheel and touch reach the game. A page turns it off while it shows a dialog of its own. */
  capture: boolean;
  /** Presses or lets go of a key, by KeyboardEvent.code. A code that no game can receive throws RangeError. */
  key(code: string, down: boolean): void;
  /** Presses or lets go of a button (DOM number, 0 is left), where the pointer is, or at a place: 0 to 1 of the picture's sides. */
  button(button: number, down: boolean, x?: number, y?: number): void;
  /** Puts the pointer at a place: 0 to 1 of the picture's sides. */
  move(x: number, y: number): void;
  /** Moves the pointer, or turns the view, by mouse counts. */
  turn(dx: number, dy: number): void;
  /** Turns the wheel, in notches, positive to the right and down. */
  wheel(dx: number, dy: number): void;
  /** Types text. */
  text(text: string): void;
  /** Lets go of all keys and buttons. */
  release(): void;
}

/** The page's door to a sender. */
export class PageInput implements Input {
  readonly #sender: InputSender;
  readonly #onCapture: (on: boolean) => void;
  #capture = true;

  constructor(sender: InputSender, onCapture: (on: boolean) => void) {
    this.#sender = sender;
    this.#onCapture = onCapture;
  }

  get sequence(): number {
    return this.#sender.sequence;
  }

  get capture(): boolean {
    return this.#capture;
  }

  set capture(on: boolean) {
    if (on === this.#capture) return;
    this.#capture = on;
    this.#onCapture(on);
  }

  key(code: string, down: boolean): void {
    const evdev = EVDEV[code];
    if (evdev === undefined) throw new RangeError(`no key has the code ${JSON.stringify(code)}`);
    this.#sender.key(evdev, down);
  }

  button(button: number, down: boolean, x?: number, y?: number): void {
    if (x === undefined || y === undefined) this.#sender.button(button, down);
    else this.#sender.button(button, down, { x: whole(x), y: whole(y) });
  }

  move(x: number, y: number): void {
    this.#sender.move({ x: whole(x), y: whole(y) });
  }

  turn(dx: number, dy: number): void {
    this.#sender.turn(dx, dy);
  }

  wheel(dx: number, dy: number): void {
    this.#sender.wheel(Math.round(dx * 120), Math.round(dy * 120));
  }

  text(text: string): void {
    this.#sender.text(text);
  }

  release(): void {
    this.#sender.release();
  }
}

function whole(fraction: number): number {
  return Math.round(Math.min(Math.max(fraction, 0), 1) * 65535);
}
