import {
  type App,
  type Cause,
  connect,
  type ErrorInfo,
  type Microphone,
  type Session,
  type SessionKey,
  type Sound,
  type StageTime,
  type Stats,
  type VideoNotice,
} from "@nearlight/player";
import directSound from "@nearlight/player/direct.js?url";
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { padButtons } from "../pad.js";
import { playStyle } from "../style/play.js";
import { shared } from "../style/shared.js";
import { picture } from "./card.js";
import { logo } from "./logo.js";
import "./message.js";
import { microphoneButton, refusal } from "./microphone.js";
import "./overlay.js";
import "./pad.js";
import { lasting, notice, type Sharing, share } from "./share.js";
import "./timeline.js";
import { why } from "./why.js";

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
/** And the session's key, by which its edge knows the player again. */
const STORED_KEY = "nearlight.key";

/** The play page: one session from the Play gesture to its end. Fires "back" when the player wants another game. */
export class PlayPage extends LitElement {
  static override properties = {
    app: { attribute: false },
    token: { attribute: false },
    watch: { attribute: false },
    start: { attribute: false },
    direct: { attribute: false },
    pickable: { type: Boolean },
    view: { state: true },
    stages: { state: true },
    stats: { state: true },
    encoder: { state: true },
    sound: { state: true },
    microphone: { state: true },
    cause: { state: true },
    figures: { state: true },
    hint: { state: true },
    sharing: { state: true },
    typing: { state: true },
  };
  static override styles = [shared, playStyle];

  declare app: App | null;
  declare token: string;
  /** The session to look on at, null to play. */
  declare watch: string | null;
  /** gesture: the page was opened by a click that play() may use. auto: begin without one. wait: show the Play button. */
  declare start: "gesture" | "auto" | "wait";
  /** Whether sound may pass by the browser's own buffer. */
  declare direct: boolean;
  /** Whether there are other games to go back to. */
  declare pickable: boolean;
  declare view: View;
  declare stages: readonly StageTime[];
  declare stats: Stats | null;
  declare encoder: VideoNotice | null;
  declare sound: Sound | null;
  declare microphone: Microphone | null;
  declare cause: Cause | null;
  declare figures: boolean;
  declare hint: boolean;
  declare sharing: Sharing | null;
  declare typing: boolean;
  #session: Session | null = null;
  #hintTimer: ReturnType<typeof setTimeout> | undefined;
  #sharingTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #onKey = (event: KeyboardEvent) => {
    if (event.code !== OVERLAY_KEY || event.repeat) return;
    event.preventDefault();
    this.figures = !this.figures;
  };

  constructor() {
    super();
    this.app = null;
    this.token = "";
    this.watch = null;
    this.start = "wait";
    this.direct = true;
    this.pickable = false;
    this.view = { name: "ready" };
    this.stages = [];
    this.stats = null;
    this.encoder = null;
    this.sound = null;
    this.microphone = null;
    this.cause = null;
    this.figures = false;
    this.hint = false;
    this.sharing = null;
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
    clearTimeout(this.#sharingTimer);
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
      ${view.name === "reconnecting" ? reconnecting(view.secondsLeft, this.cause) : nothing}
      ${view.name === "ended" ? this.#card(HEADINGS[view.info.code] ?? "The game is over", view.info, view.output) : nothing}
      ${view.name === "failed" ? this.#card(HEADINGS[view.info.code] ?? "That did not work", view.info, []) : nothing}
    </div>`;
  }

  #ready() {
    const { app } = this;
    return html`<main class="sheet">
      <div class="panel ready">
        ${logo} ${app === null ? nothing : picture(app)}
        <h1>${app?.title ?? (this.watch === null ? "Your game is ready" : "Somebody plays")}</h1>
        ${app === null || app.summary === "" || this.watch !== null ? nothing : html`<p class="lead">${app.summary}</p>`}
        ${
          this.watch === null
            ? html`<ul class="keys" aria-label="Keys">
              ${app?.keys.map(({ keys, does }) => html`<li><kbd>${keys}</kbd>${does}</li>`)}
            </ul>`
            : html`<p class="lead">You look on while somebody plays.</p>`
        }
        <button class="primary" @click=${() => this.#connect(true)}>${this.watch === null ? "Play" : "Watch"}</button>
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
    return html`${
      this.figures
        ? html`<nl-overlay .stats=${this.stats} .video=${this.encoder} .cause=${this.cause}></nl-overlay>`
        : this.cause === null || this.view.name === "reconnecting"
          ? nothing
          : html`<p class="cause" role="status">${why(this.cause)}</p>`
    }
      <div class=${this.microphone?.state === "on" ? "tools speaking" : "tools"}>
        ${microphoneButton(session, this.microphone)}
        <button class="touch-only" aria-label="Keyboard" title="Keyboard" @click=${this.#type}>${icons.keyboard}</button>
        ${this.sound === null ? nothing : speaker(session, this.sound)}
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
        ${
          session.shareURL === null
            ? nothing
            : html`<button aria-label="Share" title="Share: copy a link that shows your game" @click=${() => void this.#share(session)}>
              ${icons.share}
            </button>`
        }
        <button aria-label="Full screen" title="Full screen" @click=${() => void session.play()}>${icons.full}</button>
        <button aria-label="Leave the game" title="Leave the game" @click=${this.#back}>${icons.leave}</button>
      </div>
      ${
        matchMedia("(pointer: coarse)").matches && this.view.name === "playing" && this.watch === null
          ? html`<nl-pad .input=${session.input} .buttons=${padButtons(this.app)}></nl-pad>`
          : nothing
      }
      <input class="typing" aria-label="Type into the game" autocapitalize="off" autocomplete="off" autocorrect="off"
        spellcheck="false" tabindex="-1" @beforeinput=${this.#typed} @keydown=${this.#typedKey} />
      ${
        this.sharing === null
          ? (refusal(this.microphone) ??
            html`<p class=${this.hint ? "hint" : "hint gone"}><kbd>${OVERLAY_KEY}</kbd> shows figures
            ${document.fullscreenElement === null ? nothing : leaving}</p>`)
          : notice(this.sharing)
      }`;
  }

  #card(heading: string, info: ErrorInfo, output: readonly string[]) {
    const calm = info.code === "app-exited";
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
    this.sound = null;
    this.microphone = null;
    this.cause = null;
    this.sharing = null;
    this.view = { name: "connecting", detail: "", picture: false };
    const resume = sessionStorage.getItem(STORED_SESSION);
    const key = storedKey();
    const session = connect({
      signal: location.origin,
      token: this.token,
      element: screen,
      fullscreen: this,
      reservedKeys: [OVERLAY_KEY],
      ...(this.direct ? { directSound } : {}),
      ...(this.app === null ? {} : { app: this.app.name }),
      ...(resume === null ? {} : { resume }),
      ...(resume === null || key === null ? {} : { key }),
      ...(this.watch === null ? {} : { watch: this.watch }),
    });
    this.#session = session;
    session.on("stage", ({ stage, detail, stages }) => {
      if (session.id !== null) sessionStorage.setItem(STORED_SESSION, session.id);
      if (session.key !== null) sessionStorage.setItem(STORED_KEY, JSON.stringify(session.key));
      this.stages = stages;
      this.view = { name: "connecting", detail, picture: stage === "loading" };
    });
    session.on("playing", ({ stages }) => {
      this.stages = stages;
      this.view = { name: "playing" };
      this.#showHint();
    });
    session.on("stats", (stats) => {
      this.stats = stats;
    });
    session.on("cause", (cause) => {
      this.cause = cause;
    });
    session.on("notice", (notice) => {
      if (notice.kind === "video") this.encoder = notice;
    });
    session.on("sound", (sound) => {
      this.sound = sound.available || sound.reason !== "" ? sound : null;
    });
    session.on("microphone", (microphone) => {
      this.microphone = microphone;
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
    sessionStorage.removeItem(STORED_KEY);
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    this.view = view;
  }

  #leave(): void {
    this.#session?.close();
    this.#session = null;
    sessionStorage.removeItem(STORED_SESSION);
    sessionStorage.removeItem(STORED_KEY);
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

  /** Copies the link for who looks on; where the browser does not let us, shows it. */
  async #share(session: Session): Promise<void> {
    const url = session.shareURL;
    if (url === null) return;
    const sharing = await share(url);
    this.sharing = sharing;
    if (sharing.copied) session.video.focus({ preventScroll: true }); // the next key is the game's again
    clearTimeout(this.#sharingTimer);
    this.#sharingTimer = setTimeout(() => {
      this.sharing = null;
    }, lasting(sharing));
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

/** Where the keyboard is locked, Escape is the game's unless it is held. */
const leaving =
  "keyboard" in navigator ? html` · hold <kbd>Esc</kbd> to leave full screen` : html` · <kbd>Esc</kbd> leaves full screen`;

const HEADINGS: Readonly<Record<string, string>> = {
  full: "Every seat is taken",
  "no-edge": "No machine is ready",
  "edge-gone": "The machine is gone",
  degraded: "The machine does not keep up",
  "connection-lost": "The connection is lost",
  unreachable: "The server cannot be reached",
  "no-codec": "This browser cannot show the game",
  "no-webrtc": "This browser cannot show the game",
  "old-browser": "This browser cannot show the game",
  "bad-token": "This link does not work",
  "expired-token": "This link has expired",
  "app-failed": "The game did not start",
  "app-exited": "The game is over",
  "not-installed": "The game is not installed",
  "unknown-app": "No such game",
  replaced: "You play somewhere else now",
};

/** How long an edge holds a session, which is what the ring shows as full. */
const HOLD_SECONDS = 30;
const RING = 2 * Math.PI * 44;

function reconnecting(secondsLeft: number, cause: Cause | null) {
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
      ${cause === null ? nothing : html`<p class="cause still">${why(cause)}</p>`}
      <span class="unseen">${Math.ceil(secondsLeft / 10) * 10} seconds left</span>
    </div>
  </div>`;
}

/** The button that turns sound on and off. Where the edge has none, it says why. */
function speaker(session: Session, { available, muted, reason }: Sound) {
  const label = !available ? reason : muted ? "Sound is off: turn it on" : "Turn sound off";
  return html`<button
    aria-label="Sound"
    aria-pressed=${available && !muted}
    title=${label}
    ?disabled=${!available}
    @click=${() => {
      session.muted = !muted;
      session.video.focus({ preventScroll: true }); // the next key is the game's again
    }}
  >
    ${available && !muted ? icons.loud : icons.mute}
  </button>`;
}

function storedKey(): SessionKey | null {
  const text = sessionStorage.getItem(STORED_KEY);
  return text === null ? null : (JSON.parse(text) as SessionKey); // this page wrote it
}

const icons = {
  loud: html`<svg viewBox="0 0 24 24" aria-hidden="true">
    <path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a7.5 7.5 0 0 1 0 11" />
  </svg>`,
  mute: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5" /></svg>`,
  keyboard: html`<svg viewBox="0 0 24 24" aria-hidden="true">
    <rect x="2.5" y="6" width="19" height="12" rx="2" />
    <path d="M6 10h.01M10 10h.01M14 10h.01M18 10h.01M8 14.5h8" />
  </svg>`,
  figures: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 20v-7M12 20V4M19 20v-10" /></svg>`,
  share: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 15V4M8 7.5l4-4 4 4M6 11H5v9h14v-9h-1" /></svg>`,
  full: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" /></svg>`,
  leave: html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18" /></svg>`,
};

customElements.define("nl-play", PlayPage);
