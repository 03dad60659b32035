import { css, html, LitElement, nothing } from "lit";
import { looks } from "../style/admin.js";
import type { Explained, Reason } from "./api.js";

/** Says why a session is at its edge, and why not at each other one. Fires "back". */
export class Explain extends LitElement {
  static override properties = { explained: { attribute: false } };
  static override styles = [
    looks,
    css`
      .panel {
        padding: 1rem 1.2rem;
        margin-bottom: 1rem;
      }
      ol,
      ul {
        list-style: none;
        margin: 0.6rem 0 0;
        padding: 0;
        display: grid;
        gap: 0.5rem;
      }
      li {
        display: grid;
        grid-template-columns: 2.1rem 1fr;
        gap: 0.7rem;
        align-items: start;
        overflow-wrap: anywhere;
      }
      .place {
        display: grid;
        place-items: center;
        width: 2.1rem;
        height: 2.1rem;
        border-radius: 50%;
        background: var(--raised);
        font-weight: 650;
        font-size: 0.85rem;
      }
      .own .place {
        background: var(--good-ground);
        color: var(--good);
      }
      .sum {
        display: flex;
        flex-wrap: wrap;
        gap: 1.5rem;
        margin-bottom: 1rem;
      }
      .sum div {
        font-size: 0.85rem;
        color: var(--muted);
      }
      .sum b {
        display: block;
        font-size: 1.4rem;
        color: var(--text);
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  declare explained: Explained | null;

  constructor() {
    super();
    this.explained = null;
  }

  override render() {
    if (this.explained === null) return nothing;
    const { session, now, explanation } = this.explained;
    const own = session?.edge;
    const { ranked, named, unmet } = explanation;
    const unranked = named.filter(({ edge }) => !ranked.some((one) => one.edge === edge));
    const holder = unranked.find(({ edge }) => edge === own);
    const others = unranked.filter(({ edge }) => edge !== own);
    return html`<div class="bar">
        <h2>${session === undefined ? "Which edges would do" : "Why this edge, and why not the others"}</h2>
        <button @click=${() => this.dispatchEvent(new CustomEvent("back"))}>Back to the list</button>
      </div>
      <div class="sum">
        <div><b>${explanation.edges}</b>edges are known</div>
        <div><b>${explanation.eligible}</b>meet every demand</div>
        <div><b>${ranked.length}</b>on the shortlist</div>
        ${session === undefined ? nothing : html`<div><b>${session.app || "the edge's own"}</b>is the game</div>`}
      </div>
      ${now ? html`<p class="muted">As things are now; they may have been others when the game began.</p><br />` : nothing}
      ${
        explanation.refused === undefined
          ? nothing
          : html`<p class="notice">
              ${session === undefined ? nothing : "Who asks for the same now is told: "}${explanation.refused.message}
              ${explanation.refused.hint}
            </p>`
      }
      ${
        holder === undefined
          ? nothing
          : html`<section class="panel">
              <h3>The session’s edge</h3>
              <ul>
                ${this.#line(holder, own)}
              </ul>
            </section>`
      }
      ${
        ranked.length === 0
          ? nothing
          : html`<section class="panel">
              <h3>The shortlist, best first</h3>
              <ol>
                ${ranked.map((reason) => this.#line(reason, own))}
              </ol>
            </section>`
      }
      ${
        others.length === 0
          ? nothing
          : html`<section class="panel">
              <h3>Why not each other one</h3>
              <ul>
                ${others.map((reason) => this.#line(reason, own))}
              </ul>
            </section>`
      }
      ${
        unmet.length === 0
          ? nothing
          : html`<section class="panel">
              <h3>What edges lack</h3>
              <ul>
                ${unmet.map(({ edges, words }) => html`<li><span class="place">${edges}</span><span>${words}</span></li>`)}
              </ul>
            </section>`
      }`;
  }

  #line({ edge, place, words }: Reason, own: string | undefined) {
    return html`<li class=${edge === own ? "own" : ""}>
      <span class="place">${place ?? "–"}</span>
      <span>${words}${edge === own ? html` <strong>It has the session.</strong>` : nothing}</span>
    </li>`;
  }
}

customElements.define("nl-explain", Explain);
