import { type App, install, PlayerError } from "@nearlight/player";
import { css, html, LitElement, nothing } from "lit";
import { shared } from "../style/shared.js";

interface Installing {
  readonly percent: number;
  readonly line: string;
}

/** One game of the catalogue. Fires "play" from the player's gesture, and "installed". */
export class GameCard extends LitElement {
  static override properties = {
    app: { attribute: false },
    token: { attribute: false },
    installing: { state: true },
    failure: { state: true },
  };
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      article {
        height: 100%;
        display: flex;
        flex-direction: column;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        overflow: hidden;
        transition:
          border-color var(--quick),
          transform var(--quick);
      }
      article:hover,
      article:focus-within {
        border-color: #454e66;
      }
      .picture {
        aspect-ratio: 16 / 9;
        background: linear-gradient(140deg, #202738, #141925);
        display: grid;
        place-items: center;
        overflow: hidden;
      }
      .picture > * {
        grid-area: 1 / 1;
      }
      .initial {
        font-size: 3.5rem;
        font-weight: 650;
        color: #465069;
      }
      img {
        width: 100%;
        height: 100%;
        object-fit: cover;
      }
      .absent img {
        filter: saturate(0.35) brightness(0.75);
      }
      .body {
        padding: 1.1rem 1.2rem 1.2rem;
        display: flex;
        flex-direction: column;
        gap: 0.6rem;
        flex: 1;
      }
      h2 {
        font-size: 1.15rem;
      }
      .summary {
        color: var(--muted);
        font-size: 0.95rem;
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        display: flex;
        flex-wrap: wrap;
        gap: 0.35rem 0.9rem;
        font-size: 0.85rem;
        color: var(--muted);
      }
      li {
        display: flex;
        gap: 0.4rem;
        align-items: baseline;
      }
      .foot {
        margin-top: auto;
        padding-top: 0.5rem;
        display: grid;
        gap: 0.5rem;
      }
      .foot button {
        width: 100%;
      }
      progress {
        width: 100%;
        height: 6px;
        border: 0;
        border-radius: 3px;
        background: var(--raised);
        appearance: none;
        overflow: hidden;
        accent-color: var(--light);
      }
      progress::-webkit-progress-bar {
        background: var(--raised);
      }
      progress::-webkit-progress-value {
        background: var(--light);
        transition: width var(--quick);
      }
      progress::-moz-progress-bar {
        background: var(--light);
      }
      .line {
        font: 0.75rem/1.5 var(--mono);
        color: var(--muted);
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .failure {
        font-size: 0.88rem;
        color: var(--bad);
      }
    `,
  ];

  declare app: App;
  declare token: string;
  declare installing: Installing | null;
  declare failure: PlayerError | null;

  constructor() {
    super();
    this.installing = null;
    this.failure = null;
  }

  override render() {
    const { app } = this;
    return html`<article class=${app.installed ? "" : "absent"}>
      ${picture(app)}
      <div class="body">
        <h2>${app.title}</h2>
        ${app.summary === "" ? nothing : html`<p class="summary">${app.summary}</p>`}
        <ul aria-label="Keys">
          ${app.keys.map(({ keys, does }) => html`<li><kbd>${keys}</kbd>${does}</li>`)}
        </ul>
        <div class="foot">${this.#foot()}</div>
      </div>
    </article>`;
  }

  #foot() {
    const { app, installing, failure } = this;
    if (installing !== null) {
      return html`<progress max="100" .value=${installing.percent} aria-label=${`Installing ${app.title}`}></progress>
        <span class="line" role="status">${installing.line || "Installing…"}</span>`;
    }
    return html`${failure === null ? nothing : html`<p class="failure" role="alert">${failure.message} ${failure.hint}</p>`}
    ${
      app.installed
        ? html`<button class="primary" @click=${this.#play} aria-label=${`Play ${app.title}`}>Play</button>`
        : html`<button @click=${this.#install} aria-label=${`Install ${app.title}`}>Install</button>`
    }`;
  }

  #play(): void {
    this.dispatchEvent(new CustomEvent("play", { detail: this.app, bubbles: true, composed: true }));
  }

  async #install(): Promise<void> {
    this.failure = null;
    this.installing = { percent: 0, line: "" };
    try {
      await install({
        signal: location.origin,
        token: this.token,
        app: this.app.name,
        onProgress: (progress) => {
          this.installing = progress;
        },
      });
      this.dispatchEvent(new CustomEvent("installed", { detail: this.app, bubbles: true, composed: true }));
    } catch (error) {
      if (!(error instanceof PlayerError)) throw error;
      this.failure = error;
    } finally {
      this.installing = null;
    }
  }
}

/** A game's picture over its initial, which stays where there is no picture. */
export function picture(app: Pick<App, "name" | "title">) {
  return html`<div class="picture">
    <span class="initial" aria-hidden="true">${app.title.charAt(0)}</span>
    <img src=${`/pictures/${encodeURIComponent(app.name)}.svg`} alt="" loading="lazy" @error=${removeTarget} />
  </div>`;
}

function removeTarget(event: Event): void {
  if (event.target instanceof HTMLElement) event.target.hidden = true;
}

customElements.define("nl-card", GameCard);
