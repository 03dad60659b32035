import type { App } from "@nearlight/player";
import { css, html, LitElement } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { shared } from "../style/shared.js";
import "./card.js";
import { logo } from "./logo.js";

/** The start page: every game that the link may play. Its cards fire "play" and "installed". */
export class Picker extends LitElement {
  static override properties = { apps: { attribute: false }, token: { attribute: false } };
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-height: 100dvh;
        padding: calc(1.5rem + env(safe-area-inset-top)) calc(1.25rem + env(safe-area-inset-right))
          calc(3rem + env(safe-area-inset-bottom)) calc(1.25rem + env(safe-area-inset-left));
        background: radial-gradient(60rem 30rem at 15% -10%, rgb(255 182 92 / 9%), transparent 70%);
      }
      .page {
        max-width: 72rem;
        margin: 0 auto;
      }
      header {
        margin-bottom: clamp(2rem, 6vh, 4rem);
      }
      h1 {
        font-size: clamp(1.8rem, 4vw, 2.6rem);
      }
      .lead {
        color: var(--muted);
        margin-top: 0.5rem;
        max-width: 40rem;
      }
      .grid {
        margin-top: 2rem;
        display: grid;
        gap: 1.25rem;
        grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr));
      }
    `,
  ];

  declare apps: readonly App[];
  declare token: string;

  constructor() {
    super();
    this.apps = [];
    this.token = "";
  }

  override render() {
    return html`<div class="page">
      <header>${logo}</header>
      <main>
        <h1>What do you want to play?</h1>
        <p class="lead">Each game runs on a machine near you and is played right here. Nothing is installed on this device.</p>
        <div class="grid">
          ${repeat(
            this.apps,
            ({ name }) => name,
            (app) => html`<nl-card .app=${app} .token=${this.token}></nl-card>`,
          )}
        </div>
      </main>
    </div>`;
  }
}

customElements.define("nl-picker", Picker);
