import {
  type App,
  connect,
  type ErrorInfo,
  type Session,
  type StageTime,
  type Stats,
  type VideoNotice,
} from "@nearlight/player";
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { padButtons } from "../pad.js";
import { shared } from "../style/shared.js";
import { picture } from "./card.js";
import { logo } from "./logo.js";
import "./message.js";
import "./overlay.js";
import "./pad.js";
import "./timeline.js";

/** Toggles the figures. Games seldom use it, browsers never, and every keyboard has it. */
const OVERLAY_KEY = "F8";
const HINT_MS = 6_000;

type View =
  | { readonly name: "ready" }
  | { readonly name: "connecting"; readonly detail: string; readonly picture: boolean }
  | { readonly name: "playing" }
  | { readonly name: "reconnecting"; readonly secondsLeft: number }
  | { readonly name: "ended"; readonly info: ErrorInfo; readonly output: readonly string[] }
  | { readonly name: "failed"; readonly info: ErrorInfo };

/** Where the tab keeps the session it plays, so that a reload goes on with it. */
export const STORED_SESSION = "nearlight.session";

/** The play page: one session from the Play gesture to its end. Fires "back" when the player wants another game. */
export class PlayPage extends LitElement {
  static override properties = {
    app: { attribute: false },
    token: { attribute: false },
    start: { attribute: false },
    pickable: { type: Boolean },
    view: { state: true },
    stages: { state: true },
    stats: { state: true },
    encoder: { state: true },
    figures: { state: true },
    hint: { state: true },
    typing: { state: true },
  };
  static override styles = [
    shared,
    css`
      :host {
        position: fixed;
        inset: 0;
        height: 100dvh;
        background: #000;
        overflow: hidden;
      }
      .stage,
      .stage > .screen {
        position: absolute;
        inset: 0;
      }
      .sheet {
        position: absolute;
        inset: 0;
        display: grid;
        place-items: center;
        overflow: auto;
        padding: calc(1.25rem + env(safe-area-inset-top)) calc(1.25rem + env(safe-area-inset-right))
          calc(1.25rem + env(safe-area-inset-bottom)) calc(1.25rem + env(safe-area-inset-left));
        background:
          radial-gradient(50rem 26rem at 50% -8%, rgb(255 182 92 / 10%), transparent 70%), var(--ground);
      }
      .sheet.over {
        background: rgb(6 8 12 / 66%);
        backdrop-filter: blur(6px);
      }
      .panel {
        width: min(27rem, 100%);
        display: grid;
        gap: 1.25rem;
      }
      .panel h1 {
        font-size: 1.7rem;
      }
      .panel .logo {
        margin-bottom: 0.5rem;
      }
      .ready {
        justify-items: center;
        text-align: center;
      }
      .picture {
        width: 100%;
        aspect-ratio: 16 / 9;
        border-radius: var(--radius);
        border: 1px solid var(--line);
        background: linear-gradient(140deg, #202738, #141925);
        display: grid;
        place-items: center;
        overflow: hidden;
      }
      .picture > * {
        grid-area: 1 / 1;
      }
      .picture img {
        width: 100%;
        height: 100%;
        object-fit: cover;
      }
      .initial {
        font-size: 4rem;
        font-weight: 650;
        color: #465069;
      }
      .ready button.primary {
        font-size: 1.1rem;
        min-width: 12rem;
        min-height: 52px;
        border-radius: 999px;
      }
      .lead {
        color: var(--muted);
      }
      .keys {
        list-style: none;
        margin: 0;
        padding: 0;
        display: flex;
        flex-wrap: wrap;
        gap: 0.4rem 1rem;
        justify-content: center;
        font-size: 0.9rem;
        color: var(--muted);
      }
      .keys li {
        display: flex;
        gap: 0.4rem;
        align-items: baseline;
      }
      .hint,
      .loading {
        position: absolute;
        left: 50%;
        translate: -50% 0;
        bottom: calc(1.5rem + env(safe-area-inset-bottom));
        padding: 0.5rem 1rem;
        border-radius: 999px;
        background: rgb(11 13 18 / 82%);
        border: 1px solid rgb(255 255 255 / 9%);
        color: var(--muted);
        font-size: 0.85rem;
        pointer-events: none;
        white-space: nowrap;
      }
      .hint {
        transition: opacity 500ms ease-out;
      }
      .hint.gone {
        opacity: 0;
      }
      nl-overlay {
        position: absolute;
        left: calc(1rem + env(safe-area-inset-left));
        top: calc(1rem + env(safe-area-inset-top));
        max-width: calc(100% - 2rem);
      }
      .tools {
        position: absolute;
        top: calc(0.75rem + env(safe-area-inset-top));
        right: calc(0.75rem + env(safe-area-inset-right));
        display: flex;
        gap: 0.4rem;
        opacity: 0.28;
        transition: opacity var(--quick);
      }
      .tools:hover,
      .tools:focus-within {
        opacity: 1;
      }
      .tools button {
        padding: 0;
        width: 44px;
        display: grid;
        place-items: center;
        background: rgb(11 13 18 / 72%);
        border-color: rgb(255 255 255 / 12%);
      }
      .tools svg {
        width: 20px;
        height: 20px;
        fill: none;
        stroke: currentColor;
        stroke-width: 1.8;
        stroke-linecap: round;
        stroke-linejoin: round;
      }
      .tools .touch-only {
        display: none;
      }
      .typing {
        position: absolute;
        top: 0;
        left: 0;
        width: 1px;
        height: 1px;
        opacity: 0;
        border: 0;
        font-size: 16px;
      }
      .back {
        display: grid;
        justify-items: center;
        gap: 1rem;
        text-align: center;
      }
      .ring {
        width: 6.5rem;
        height: 6.5rem;
      }
      .ring text {
        font: 650 30px var(--font);
        fill: var(--text);
        text-anchor: middle;
      }
      .ring .left {
        transition: stroke-dashoffset 1s linear;
      }
      @media (pointer: coarse) {
        .tools {
          opacity: 0.75;
        }
        .tools .touch-only {
          display: grid;
        }
        .hint {
          display: none;
        }
      }
      /* Held upright, the picture goes to the top, and the thumbs have the rest. */
      @media (pointer: coarse) and (orientation: portrait) {
        .stage > .screen {
          top: calc(4.25rem + env(safe-area-inset-top));
        }
        .screen video,
        .screen canvas {
          object-position: 50% 0;
        }
        nl-overlay {
          top: calc(5rem + 56.25vw + env(safe-area-inset-top));
        }
      }
    `,
  ];

  declare app: App | null;
  declare token: string;
  /** gesture: the page was opened by a click that play() may use. auto: begin without one. wait: show the Play button. */
  declare start: "gesture" | "auto" | "wait";
  /** Whether there are other games to go back to. */
  declare pickable: boolean;
  declare view: View;
  declare stages: readonly StageTime[];
  declare stats: Stats | null;
  declare encoder: VideoNotice | null;
  declare figures: boolean;
  declare hint: boolean;
  declare typing: boolean;
  #session: Session | null = null;
  #hintTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #onKey = (event: KeyboardEvent) => {
    if (event.code !== OVERLAY_KEY || event.repeat) return;
    event.preventDefault();
    this.figures = !this.figures;
  };

  constructor() {
    super();
    this.app = null;
    this.token = "";
    this.start = "wait";
    this.pickable = false;
    this.view = { name: "ready" };
    this.stages = [];
    this.stats = null;
    this.encoder = null;
    this.figures = false;
    this.hint = false;
    this.typing = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("keydown", this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("keydown", this.#onKey);
    clearTimeout(this.#hintTimer);
    this.#leave();
  }

  /** The gesture that opened the page is still good in the same task, so the first rendering is not waited for elsewhere. */
  protected override firstUpdated(): void {
    if (this.start !== "wait") this.#connect(this.start === "gesture");
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("app")) document.title = this.app === null ? "Nearlight" : `${this.app.title} · Nearlight`;
  }

  override render() {
    const { view } = this;
    const live = view.name === "playing" || view.name === "reconnecting" || (view.name === "connecting" && view.picture);
    return html`<div class=${live ? "stage live" : "stage"}>
      <div class="screen"></div>
      ${view.name === "ready" ? this.#ready() : nothing} ${view.name === "connecting" ? this.#connecting(view) : nothing}
      ${live && this.#session !== null ? this.#controls(this.#session) : nothing}
      ${view.name === "reconnecting" ? reconnecting(view.secondsLeft) : nothing}
      ${view.name === "ended" ? this.#card("The game is over", view.info, view.output, true) : nothing}
      ${view.name === "failed" ? this.#card(FAILURES[view.info.code] ?? "That did not work", view.info, [], false) : nothing}
    </div>`;
  }

  #ready() {
    const { app } = this;
    return html`<main class="sheet">
      <div class="panel ready">
        ${logo} ${app === null ? nothing : picture(app)}
        <h1>${app?.title ?? "Your game is ready"}</h1>
        ${app === null || app.summary === "" ? nothing : html`<p class="lead">${app.summary}</p>`}
        <ul class="keys" aria-label="Keys">
          ${app?.keys.map(({ keys, does }) => html`<li><kbd>${keys}</kbd>${does}</li>`)}
        </ul>
        <button class="primary" @click=${() => this.#connect(true)}>Play</button>
        ${this.pickable ? html`<button class="quiet" @click=${this.#back}>All games</button>` : nothing}
      </div>
    </main>`;
  }

  #connecting(view: { readonly detail: string; readonly picture: boolean }) {
    if (view.picture) return html`<p class="loading" role="status">${view.detail || "The game is loading…"}</p>`;
    return html`<main class="sheet">
      <div class="panel">
        ${logo}
        <h1>${this.app?.title ?? "Your game"}</h1>
        <nl-timeline .stages=${this.stages} .detail=${view.detail}></nl-timeline>
        <div><button @click=${this.#back}>Cancel</button></div>
      </div>
    </main>`;
  }

  #controls(session: Session) {
    return html`${this.figures ? html`<nl-overlay .stats=${this.stats} .video=${this.encoder}></nl-overlay>` : nothing}
      <div class="tools">
        <button class="touch-only" aria-label="Keyboard" title="Keyboard" @click=${this.#type}>${icons.keyboard}</button>
        <button
          aria-label="Figures"
          aria-pressed=${this.figures}
          title=${`Figures (${OVERLAY_KEY})`}
          @click=${() => {
            this.figures = !this.figures;
          }}
        >
          ${icons.figures}
        </button>
        <button aria-label="Full screen" title="Full screen" @click=${() => void session.play()}>${icons.full}</button>
        <button aria-label="Leave the game" title="Leave the game" @click=${this.#back}>${icons.leave}</button>
      </div>
      ${
        matchMedia("(pointer: coarse)").matches && this.view.name === "playing"
          ? html`<nl-pad .input=${session.input} .buttons=${padButtons(this.app)}></nl-pad>`
          : nothing
      }
      <input class="typing" aria-label="Type into the game" autocapitalize="off" autocomplete="off" autocorrect="off"
        spellcheck="false" tabindex="-1" @beforeinput=${this.#typed} @keydown=${this.#typedKey} />
      <p class=${this.hint ? "hint" : "hint gone"}><kbd>${OVERLAY_KEY}</kbd> shows figures · <kbd>Esc</kbd> leaves full screen</p>`;
  }

  #card(heading: string, info: ErrorInfo, output: readonly string[], calm: boolean) {
    const seen = this.stages.some(({ stage }) => stage === "loading");
    return html`<main class=${seen ? "sheet over" : "sheet"}>
      <nl-message
        .heading=${heading}
        .info=${info}
        .output=${output}
        ?calm=${calm}
        .retry=${calm ? "Play again" : "Try again"}
        .back=${this.pickable ? "All games" : ""}
        @retry=${() => this.#connect(true)}
        @back=${this.#back}
      ></nl-message>
    </main>`;
  }

  #connect(gesture: boolean): void {
    this.#session?.close();
    const screen = this.renderRoot.querySelector<HTMLElement>(".screen");
    if (screen === null) return;
    this.stages = [];
    this.stats = null;
    this.encoder = null;
    this.view = { name: "connecting", detail: "", picture: false };
    const resume = sessionStorage.getItem(STORED_SESSION);
    const session = connect({
      signal: location.origin,
      token: this.token,
      element: screen,
      fullscreen: this,
      reservedKeys: [OVERLAY_KEY],
      ...(this.app === null ? {} : { app: this.app.name }),
      ...(resume === null ? {} : { resume }),
    });
    this.#session = session;
    session.on("stage", ({ stage, detail, stages }) => {
      if (session.id !== null) sessionStorage.setItem(STORED_SESSION, session.id);
      this.stages = stages;
      this.view = { name: "connecting", detail, picture: stage === "loading" };
    });
    session.on("playing", () => {
      this.view = { name: "playing" };
      this.#showHint();
    });
    session.on("stats", (stats) => {
      this.stats = stats;
    });
    session.on("notice", (notice) => {
      if (notice.kind === "video") this.encoder = notice;
    });
    session.on("reconnecting", ({ secondsLeft }) => {
      this.view = { name: "reconnecting", secondsLeft };
    });
    session.on("ended", ({ reason, output }) => this.#over({ name: "ended", info: reason, output }));
    session.on("error", (info) => this.#over({ name: "failed", info }));
    if (gesture) void session.play();
  }

  #over(view: View): void {
    sessionStorage.removeItem(STORED_SESSION);
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    this.view = view;
  }

  #leave(): void {
    this.#session?.close();
    this.#session = null;
    sessionStorage.removeItem(STORED_SESSION);
  }

  #back(): void {
    this.#leave();
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    this.view = { name: "ready" };
    this.dispatchEvent(new CustomEvent("back", { bubbles: true, composed: true }));
  }

  #showHint(): void {
    this.hint = true;
    clearTimeout(this.#hintTimer);
    this.#hintTimer = setTimeout(() => {
      this.hint = false;
    }, HINT_MS);
  }

  /** Opens the phone's keyboard, which a page can do only for a field that has the focus. */
  #type(): void {
    this.renderRoot.querySelector<HTMLInputElement>(".typing")?.focus({ preventScroll: true });
  }

  #typed(event: InputEvent): void {
    event.preventDefault();
    if (event.data !== null) this.#session?.input.text(event.data);
    else if (event.inputType === "deleteContentBackward") this.#tap("Backspace");
    else if (event.inputType === "insertLineBreak") this.#tap("Enter");
  }

  #typedKey(event: KeyboardEvent): void {
    if (event.code === "Enter" || event.code === "Backspace") {
      event.preventDefault();
      this.#tap(event.code);
    }
  }

  #tap(code: string): void {
    this.#session?.input.key(code, true);
    this.#session?.input.key(code, false);
  }
}

const FAILURES: Readonly<Record<string, string>> = {
  full: "Every seat is taken",
  "no-edge": "No machine is ready",
  "edge-gone": "The machine is gone",
  "connection-lost": "The connection is lost",
  unreachable: "The server cannot be reached",
  "no-codec": "This browser cannot show the game",
  "no-webrtc": "This browser cannot show the game",
  "bad-token": "This link does not work",
  "expired-token": "This link has expired",
  "app-failed": "The game did not start",
  "not-installed": "The game is not installed",
  "unknown-app": "No such game",
  replaced: "You play somewhere else now",
};

/** How long an edge holds a session, which is what the ring shows as full. */
const HOLD_SECONDS = 30;
const RING = 2 * Math.PI * 44;

function reconnecting(secondsLeft: number) {
  return html`<div class="sheet over">
    <div class="back" role="status">
      <svg class="ring" viewBox="0 0 100 100" aria-hidden="true">
        <circle cx="50" cy="50" r="44" fill="none" stroke="rgb(255 255 255 / 14%)" stroke-width="5" />
        <circle
          class="left"
          cx="50"
          cy="50"
          r="44"
          fill="none"
          stroke="var(--light)"
          stroke-width="5"
          stroke-linecap="round"
          stroke-dasharray=${RING}
          stroke-dashoffset=${RING * (1 - secondsLeft / HOLD_SECONDS)}
          transform="rotate(-90 50 50)"
        />
        <text x="50" y="61">${secondsLeft}</text>
      </svg>
      <h2>Reconnecting…</h2>
      <p class="lead">The connection was lost. Your game waits for you.</p>
      <span class="unseen">${Math.ceil(secondsLeft / 10) * 10} seconds left</span>
    </div>
  </div>`;
}

const icons = {
  keyboard: html`<svg viewBox="0 0 24 24" aria-hidden="true">
    <rect x="2.5" y="6" width="19" height="12" rx="2" />
    <path d="M6 10h.01M10 10h.01M14 10h.01M18 10h.01M8 14.5h8" />
  </svg>`,
  figures: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 20v-7M12 20V4M19 20v-10" /></svg>`,
  full: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" /></svg>`,
  leave: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18" /></svg>`,
};

customElements.define("nl-play", PlayPage);
