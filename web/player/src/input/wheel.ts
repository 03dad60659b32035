/** The parts of a WheelEvent that say how far it went. wheelDelta is Chromium's and Safari's own, 120 a notch, upwards. */
export interface WheelTravel {
  readonly deltaX: number;
  readonly deltaY: number;
  readonly deltaMode: number;
  readonly wheelDeltaX?: number;
  readonly wheelDeltaY?: number;
}

const NOTCH = 120;
/** Firefox counts three lines a notch, and every browser about 100 pixels. */
const LINES_A_NOTCH = 3;
const PIXELS_A_NOTCH = 100;
const LINE = 1;
const PAGE = 2;

/** Turns wheel events into whole 1/120 notches; what is left of a smooth wheel's fractions goes with the next event. */
export class WheelMeter {
  #restX = 0;
  #restY = 0;

  /** Notches times 120, positive to the right and down. */
  add(event: WheelTravel): { readonly dx: number; readonly dy: number } {
    const x = this.#restX + travel(event.deltaX, event.deltaMode, event.wheelDeltaX);
    const y = this.#restY + travel(event.deltaY, event.deltaMode, event.wheelDeltaY);
    const [dx, dy] = [clamp(Math.trunc(x)), clamp(Math.trunc(y))];
    this.#restX = x - Math.trunc(x);
    this.#restY = y - Math.trunc(y);
    return { dx, dy };
  }
}

function travel(delta: number, mode: number, wheelDelta: number | undefined): number {
  if (mode === LINE) return (delta / LINES_A_NOTCH) * NOTCH;
  if (mode === PAGE) return Math.sign(delta) * NOTCH;
  if (wheelDelta !== undefined && wheelDelta !== 0) return -wheelDelta;
  return (delta / PIXELS_A_NOTCH) * NOTCH;
}

function clamp(units: number): number {
  return Math.min(Math.max(units, -32768), 32767) + 0;
}
