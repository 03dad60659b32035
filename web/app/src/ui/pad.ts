import type { Input } from "@nearlight/player";
import { css, html, LitElement } from "lit";
import { ARROWS, directions, type PadButton } from "../pad.js";
import { shared } from "../style/shared.js";

const ARROW_NAMES: Readonly<Record<string, string>> = {
  ArrowUp: "Up",
  ArrowLeft: "Left",
  ArrowRight: "Right",
  ArrowDown: "Down",
};
/** On-screen controls: a pad of four directions under the left thumb, a few keys under the right one. */
export class Pad extends LitElement {
  static override properties = { input: { attribute: false }, buttons: { attribute: false }, held: { state: true } };
  static override styles = [
    shared,
    css`
      :host {
        position: absolute;
        inset: auto 0 0;
        display: flex;
        justify-content: space-between;
        align-items: end;
        padding: 0 calc(1.1rem + env(safe-area-inset-right)) calc(1.25rem + env(safe-area-inset-bottom))
          calc(1.1rem + env(safe-area-inset-left));
        pointer-events: none;
        user-select: none;
        -webkit-user-select: none;
      }
      .pad,
      .keys {
        pointer-events: auto;
        touch-action: none;
      }
      .pad {
        width: 9.5rem;
        height: 9.5rem;
        border-radius: 50%;
        background: rgb(26 30 40 / 62%);
        border: 1px solid rgb(255 255 255 / 14%);
        color: rgb(255 255 255 / 70%);
      }
      .pad path {
        fill: currentColor;
      }
      .pad path.held {
        fill: var(--light);
      }
      .keys {
        display: grid;
        grid-template-columns: repeat(2, auto);
        gap: 0.7rem;
        justify-items: end;
      }
      .key {
        display: grid;
        place-items: center;
        width: 4.4rem;
        height: 4.4rem;
        border-radius: 50%;
        background: rgb(26 30 40 / 62%);
        border: 1px solid rgb(255 255 255 / 14%);
        font-size: 0.8rem;
        font-weight: 600;
        text-align: center;
        touch-action: none;
      }
      .key.held {
        background: var(--light);
        color: var(--on-light);
      }
    `,
  ];

  declare input: Input;
  declare buttons: readonly PadButton[];
  declare held: ReadonlySet<string>;

  constructor() {
    super();
    this.buttons = [];
    this.held = new Set();
  }

  override render() {
    return html`<svg
        class="pad"
        viewBox="-50 -50 100 100"
        role="img"
        aria-label="Directions"
        @pointerdown=${this.#steer}
        @pointermove=${this.#steer}
        @pointerup=${this.#letGo}
        @pointercancel=${this.#letGo}
      >
        <circle r="7" fill="currentColor" fill-opacity="0.3" />
        ${ARROWS.map(
          (code) => html`<svg x="-50" y="-50" width="100" height="100" viewBox="-50 -50 100 100">
            <title>${ARROW_NAMES[code]}</title>
            <path class=${this.held.has(code) ? "held" : ""} d=${SHAPES[code] ?? ""} />
          </svg>`,
        )}
      </svg>
      <div class="keys">
        ${this.buttons.map(
          ({ label, code }) => html`<div
            class=${this.held.has(code) ? "key held" : "key"}
            role="button"
            aria-label=${label}
            @pointerdown=${(event: PointerEvent) => this.#press(event, code)}
            @pointerup=${() => this.#set(code, false)}
            @pointercancel=${() => this.#set(code, false)}
          >
            ${label}
          </div>`,
        )}
      </div>`;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const code of this.held) this.input.key(code, false);
    this.held = new Set();
  }

  #steer(event: PointerEvent): void {
    if (event.type === "pointermove" && event.buttons === 0) return;
    event.preventDefault();
    const pad = event.currentTarget as SVGElement;
    if (event.type === "pointerdown") pad.setPointerCapture(event.pointerId);
    const box = pad.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 2 - 1;
    const y = ((event.clientY - box.top) / box.height) * 2 - 1;
    const wanted = directions(x, y);
    for (const code of ARROWS) this.#set(code, wanted.has(code));
  }

  #letGo(): void {
    for (const code of ARROWS) this.#set(code, false);
  }

  #press(event: PointerEvent, code: string): void {
    event.preventDefault();
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.#set(code, true);
  }

  #set(code: string, down: boolean): void {
    if (down === this.held.has(code)) return;
    const held = new Set(this.held);
    if (down) held.add(code);
    else held.delete(code);
    this.held = held;
    this.input.key(code, down);
  }
}

const SHAPES: Readonly<Record<string, string>> = {
  ArrowUp: "M0-40l11 15h-22z",
  ArrowDown: "M0 40l11-15h-22z",
  ArrowLeft: "M-40 0l15-11v22z",
  ArrowRight: "M40 0l-15-11v22z",
};

customElements.define("nl-pad", Pad);
