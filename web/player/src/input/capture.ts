import { EVDEV } from "../control/keys.js";
import { framingOf, type Pointed, placeIn } from "./place.js";
import type { PointerLock } from "./pointerlock.js";
import type { InputSender } from "./sender.js";
import { WheelMeter, type WheelTravel } from "./wheel.js";

/** Keys that stay the browser's, so that no page holds a player fast: its full screen and its tools. */
const BROWSER_KEYS: ReadonlySet<string> = new Set(["F11", "F12"]);
const META_KEYS: ReadonlySet<string> = new Set(["MetaLeft", "MetaRight"]);

export interface CaptureConfig {
  /** Where the picture is; its listeners are set on surface. */
  readonly video: HTMLVideoElement;
  /** What the pointer moves over: the video or something that covers it. */
  readonly surface: HTMLElement;
  /** Keys, by KeyboardEvent.code, that are the page's own and never the game's. */
  readonly reserved: ReadonlySet<string>;
}

/**
 * Turns what the browser says of keyboard, mouse, wheel and touch into input while it is attached. Keys count wherever the
 * focus is, but in a field that takes text. All is let go of when the page loses the focus or is hidden.
 */
export class InputCapture {
  readonly #config: CaptureConfig;
  readonly #sender: InputSender;
  readonly #lock: PointerLock;
  readonly #wheel = new WheelMeter();
  #listening: AbortController | null = null;
  #touch: number | null = null;

  constructor(config: CaptureConfig, sender: InputSender, lock: PointerLock) {
    this.#config = config;
    this.#sender = sender;
    this.#lock = lock;
  }

  attach(): void {
    if (this.#listening !== null) return;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const { surface } = this.#config;
    const onSurface = <K extends keyof HTMLElementEventMap>(type: K, listener: (event: HTMLElementEventMap[K]) => void) =>
      surface.addEventListener(type, listener, { signal, passive: false });
    const onWindow = <K extends keyof WindowEventMap>(type: K, listener: (event: WindowEventMap[K]) => void) =>
      window.addEventListener(type, listener, { signal, capture: true });

    onWindow("keydown", (event) => this.#key(event, true));
    onWindow("keyup", (event) => this.#key(event, false));
    // Raw updates come at once, moves with the next frame; where both exist the moves tell nothing new.
    const raw = "onpointerrawupdate" in window;
    if (raw) surface.addEventListener("pointerrawupdate", (event) => this.#motion(event as PointerEvent), { signal });
    onSurface("pointermove", (event) => {
      if (!raw || event.pointerType === "touch") this.#motion(event);
    });
    onSurface("mousedown", (event) => this.#mouse(event, true));
    onWindow("mouseup", (event) => this.#mouse(event, false));
    onSurface("wheel", (event) => this.#turnWheel(event));
    onSurface("contextmenu", (event) => event.preventDefault());
    onSurface("auxclick", (event) => event.preventDefault());
    onSurface("dragstart", (event) => event.preventDefault());
    onSurface("pointerdown", (event) => this.#touchStart(event));
    onSurface("pointerup", (event) => this.#touchEnd(event));
    onSurface("pointercancel", (event) => this.#touchEnd(event));

    const release = () => this.#release();
    onWindow("blur", release);
    onWindow("pagehide", release);
    document.addEventListener("visibilitychange", () => document.hidden && release(), { signal });
    document.addEventListener("pointerlockchange", release, { signal });
  }

  /** Stops listening and lets go of everything. Idempotent. */
  detach(): void {
    if (this.#listening === null) return;
    this.#listening.abort();
    this.#listening = null;
    this.#release();
  }

  #release(): void {
    this.#touch = null;
    if (this.#sender.heldKeys.size > 0 || this.#sender.heldButtons !== 0) this.#sender.release();
  }

  #key(event: KeyboardEvent, down: boolean): void {
    if (this.#config.reserved.has(event.code) || BROWSER_KEYS.has(event.code) || takesText(event)) return;
    const code = EVDEV[event.code];
    if (code === undefined) {
      // A screen keyboard or a remote desktop names no key, only the character.
      if (down && event.key.length > 0 && [...event.key].length === 1) {
        event.preventDefault();
        this.#sender.text(event.key);
      }
      return;
    }
    event.preventDefault();
    if (event.repeat) return; // the app's own display repeats
    this.#sender.key(code, down);
    // macOS tells no key's release while a command key is down: let go of all that may have been missed.
    if (!down && META_KEYS.has(event.code) && this.#sender.heldKeys.size > 0) this.#sender.release();
  }

  #motion(event: PointerEvent): void {
    if (event.pointerType === "touch") {
      if (event.pointerId !== this.#touch) return;
    } else {
      this.#reconcile(event.buttons);
      if (this.#lock.locked) {
        if (event.movementX !== 0 || event.movementY !== 0) this.#sender.turn(event.movementX, event.movementY);
        return;
      }
    }
    const place = this.#place(event);
    if (place !== null) this.#sender.move(place);
  }

  /** Lets go of buttons whose release happened where no page could see it. DOM numbers middle and right the other way in buttons. */
  #reconcile(buttons: number): void {
    const byNumber = (buttons & 0b11001) | ((buttons & 0b10) << 1) | ((buttons & 0b100) >> 1);
    const lost = this.#sender.heldButtons & ~byNumber;
    for (let button = 0; lost >> button > 0; button++) if ((lost >> button) & 1) this.#sender.button(button, false);
  }

  #mouse(event: MouseEvent, down: boolean): void {
    const held = (this.#sender.heldButtons & (1 << event.button)) !== 0;
    if (!down && !held) return;
    event.preventDefault(); // back, forward, paste and drag
    if (down) {
      focusOn(this.#config.surface);
      this.#lock.gesture();
    }
    if (this.#lock.locked) {
      this.#sender.button(event.button, down);
      return;
    }
    const place = this.#place(event);
    if (place === null || (down && !place.inside)) return;
    this.#sender.button(event.button, down, place);
  }

  #turnWheel(event: WheelEvent): void {
    event.preventDefault();
    const { dx, dy } = this.#wheel.add(event as WheelTravel);
    this.#sender.wheel(dx, dy);
  }

  /** The first finger is the pointer with its left button down; further fingers are the page's. */
  #touchStart(event: PointerEvent): void {
    if (event.pointerType !== "touch" || this.#touch !== null) return;
    const place = this.#place(event);
    if (place === null || !place.inside) return;
    event.preventDefault(); // no mouse events after it
    this.#touch = event.pointerId;
    this.#config.surface.setPointerCapture(event.pointerId);
    this.#sender.button(0, true, place);
  }

  #touchEnd(event: PointerEvent): void {
    if (event.pointerId !== this.#touch) return;
    this.#touch = null;
    this.#sender.button(0, false, this.#place(event) ?? undefined);
  }

  #place(event: MouseEvent): Pointed | null {
    return placeIn(framingOf(this.#config.video), event.clientX, event.clientY);
  }
}

function takesText(event: Event): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

/** Takes the focus off what had it, a button of the page say, so that the game's Space does not press it. */
function focusOn(surface: HTMLElement): void {
  surface.focus({ preventScroll: true });
}
