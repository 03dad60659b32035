import { STAGES, type Stage, type StageTime } from "@nearlight/player";
import { css, html, LitElement, nothing } from "lit";
import { shared } from "../style/shared.js";

const WORDS: Readonly<Record<Stage, string>> = {
  finding: "Finding a machine near you",
  starting: "Starting the game",
  connecting: "Connecting",
  "first-frame": "Waiting for the first picture",
  loading: "The game is loading",
};

/** The way to the game, stage by stage, each with its time. */
export class Timeline extends LitElement {
  static override properties = { stages: { attribute: false }, detail: { type: String } };
  static override styles = [
    shared,
    css`
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
      }
      li {
        display: grid;
        grid-template-columns: 1.5rem 1fr auto;
        gap: 0.75rem;
        align-items: baseline;
        padding: 0.45rem 0;
        color: #7d869b;
        transition: color var(--quick);
      }
      li.now {
        color: var(--text);
      }
      li.done {
        color: var(--muted);
      }
      .dot {
        width: 0.7rem;
        height: 0.7rem;
        border-radius: 50%;
        border: 2px solid #444c60;
        justify-self: center;
        align-self: center;
      }
      .done .dot {
        border-color: var(--light);
        background: var(--light);
      }
      .now .dot {
        border-color: var(--light);
        animation: breathe 1.6s ease-in-out infinite;
      }
      @keyframes breathe {
        50% {
          box-shadow: 0 0 0 0.4rem rgb(255 182 92 / 18%);
        }
      }
      .detail {
        display: block;
        font-size: 0.85rem;
        color: var(--muted);
        overflow-wrap: anywhere;
      }
      .ms {
        font-variant-numeric: tabular-nums;
        font-size: 0.85rem;
      }
    `,
  ];

  declare stages: readonly StageTime[];
  declare detail: string;

  constructor() {
    super();
    this.stages = [];
    this.detail = "";
  }

  override render() {
    const current = this.stages.find(({ ms }) => ms === null)?.stage;
    return html`<ol>
        ${STAGES.map((stage) => {
          const ms = this.stages.find((entry) => entry.stage === stage)?.ms ?? null;
          const state = stage === current ? "now" : ms === null ? "" : "done";
          return html`<li class=${state}>
            <span class="dot" aria-hidden="true"></span>
            <span
              >${WORDS[stage]}${
                stage === current && this.detail !== "" ? html`<span class="detail">${this.detail}</span>` : nothing
              }</span
            >
            <span class="ms">${ms === null ? (stage === current ? "…" : "") : duration(ms)}</span>
          </li>`;
        })}
      </ol>
      <p class="unseen" aria-live="polite">${current === undefined ? "" : WORDS[current]}</p>`;
  }
}

export function duration(ms: number): string {
  return ms < 9_950 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

customElements.define("nl-timeline", Timeline);
