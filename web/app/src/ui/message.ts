import type { ErrorInfo } from "@nearlight/player";
import { css, html, LitElement, nothing } from "lit";
import { shared } from "../style/shared.js";

/**
 * A card that says what happened and what to do: an error, or the end of a game. Fires "retry" and "back".
 */
export class MessageCard extends LitElement {
  static override properties = {
    heading: { type: String },
    info: { attribute: false },
    output: { attribute: false },
    calm: { type: Boolean },
    back: { type: String },
    retry: { type: String },
  };
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        width: min(30rem, 100%);
      }
      .card {
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        box-shadow: var(--shadow);
        padding: 1.75rem;
        display: grid;
        gap: 0.75rem;
      }
      .sign {
        width: 2.5rem;
        height: 2.5rem;
        color: var(--bad);
      }
      :host([calm]) .sign {
        color: var(--light);
      }
      h2 {
        font-size: 1.35rem;
      }
      .hint {
        color: var(--muted);
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 0.6rem;
        margin-top: 0.5rem;
      }
      details {
        border-top: 1px solid var(--line);
        padding-top: 0.75rem;
        margin-top: 0.25rem;
        color: var(--muted);
        min-width: 0;
      }
      summary {
        cursor: pointer;
        min-height: 1.75rem;
      }
      pre {
        font: 0.78rem/1.5 var(--mono);
        color: var(--text);
        background: var(--ground);
        border-radius: 8px;
        padding: 0.75rem;
        margin: 0.5rem 0 0;
        max-height: 12rem;
        overflow: auto;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .code {
        font: 0.75rem/1.5 var(--mono);
        color: var(--muted);
      }
    `,
  ];

  declare heading: string;
  declare info: ErrorInfo | null;
  declare output: readonly string[];
  declare calm: boolean;
  /** What the button back says; "" leaves it out. */
  declare back: string;
  declare retry: string;

  constructor() {
    super();
    this.heading = "";
    this.info = null;
    this.output = [];
    this.calm = false;
    this.back = "";
    this.retry = "Try again";
  }

  override render() {
    if (this.info === null) return nothing;
    const { message, hint, retryable, code } = this.info;
    return html`<section class="card" role="alert">
      ${this.calm ? moon : warning}
      <h2>${this.heading}</h2>
      <p>${message}</p>
      ${hint === "" ? nothing : html`<p class="hint">${hint}</p>`}
      ${
        retryable || this.back !== ""
          ? html`<div class="actions">
            ${retryable ? html`<button class="primary" @click=${() => this.#fire("retry")}>${this.retry}</button>` : nothing}
            ${this.back === "" ? nothing : html`<button @click=${() => this.#fire("back")}>${this.back}</button>`}
          </div>`
          : nothing
      }
      ${
        this.output.length === 0
          ? nothing
          : html`<details>
            <summary>The last lines that the game printed</summary>
            <pre tabindex="0">${this.output.join("\n")}</pre>
          </details>`
      }
      <span class="code">${code}</span>
    </section>`;
  }

  /** The first thing to do is under the player's hand. */
  protected override firstUpdated(): void {
    this.renderRoot.querySelector("button")?.focus({ preventScroll: true });
  }

  #fire(name: "retry" | "back"): void {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true }));
  }
}

const warning = html`<svg class="sign" viewBox="0 0 40 40" fill="none" stroke="currentColor" stroke-width="2.6" aria-hidden="true">
  <circle cx="20" cy="20" r="17" stroke-opacity="0.35" />
  <path d="M20 11.5v11" stroke-linecap="round" />
  <circle cx="20" cy="28.4" r="1.4" fill="currentColor" stroke="none" />
</svg>`;

const moon = html`<svg class="sign" viewBox="0 0 40 40" fill="none" stroke="currentColor" stroke-width="2.6" aria-hidden="true">
  <circle cx="20" cy="20" r="17" stroke-opacity="0.35" />
  <path d="M13 20.5l5 5 9.5-10.5" stroke-linecap="round" stroke-linejoin="round" />
</svg>`;

customElements.define("nl-message", MessageCard);
