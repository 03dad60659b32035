import { Emitter } from "../emitter.js";

/**
 * free: the pointer always moves over the picture. lock: it is locked whenever the player clicks. auto: it is locked as long as
 * the game hides its own pointer, which is what games do that turn a view, and free while the game shows one.
 */
export type PointerMode = "auto" | "lock" | "free";

interface Events {
  change: boolean;
}

/** Locks the pointer to an element, without the system's acceleration where the browser can. */
export class PointerLock extends Emitter<Events> {
  readonly #element: HTMLElement;
  readonly #mode: PointerMode;
  readonly #changed = () => this.#update();
  #hidden = false;
  #locked = false;

  constructor(element: HTMLElement, mode: PointerMode) {
    super();
    this.#element = element;
    this.#mode = mode;
    document.addEventListener("pointerlockchange", this.#changed);
  }

  get locked(): boolean {
    return this.#locked;
  }

  /** What the game's pointer is now: hidden asks for the lock at the next gesture, shown gives it up. */
  cursor(hidden: boolean): void {
    this.#hidden = hidden;
    if (this.#mode === "auto" && !hidden && this.#locked) document.exitPointerLock();
  }

  /** A gesture of the player's; locks where the mode wants it. A refusal leaves the pointer free, which plays as well. */
  gesture(): void {
    const wanted = this.#mode === "lock" || (this.#mode === "auto" && this.#hidden);
    if (!wanted || this.#locked || typeof this.#element.requestPointerLock !== "function") return;
    void this.#request();
  }

  close(): void {
    document.removeEventListener("pointerlockchange", this.#changed);
    if (this.#locked) document.exitPointerLock();
    this.#locked = false;
  }

  async #request(): Promise<void> {
    try {
      await this.#element.requestPointerLock({ unadjustedMovement: true });
    } catch (error) {
      // NotSupportedError: this system cannot switch acceleration off. Anything else is a refusal of the lock itself.
      if (!(error instanceof DOMException) || error.name !== "NotSupportedError") return;
      await this.#element.requestPointerLock().catch(() => undefined);
    }
  }

  /** In a shadow tree the document names the host, so the element's own root is asked. */
  #update(): void {
    const root = this.#element.getRootNode();
    const holder = root instanceof ShadowRoot || root instanceof Document ? root.pointerLockElement : null;
    const locked = holder === this.#element;
    if (locked === this.#locked) return;
    this.#locked = locked;
    this.emit("change", locked);
  }
}
