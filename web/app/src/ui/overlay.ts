import type { Cause, Latency, LinkFigures, Stats, VideoNotice } from "@nearlight/player";
import { css, html, LitElement, nothing } from "lit";
import { shared } from "../style/shared.js";
import { why } from "./why.js";

const PARTS = ["edge", "network", "decode", "present"] as const;
const WORDS: Readonly<Record<(typeof PARTS)[number], string>> = {
  edge: "machine",
  network: "network",
  decode: "decode",
  present: "present",
};

/** The figures of the running game, over the picture. It takes no input. */
export class Overlay extends LitElement {
  static override properties = { stats: { attribute: false }, video: { attribute: false }, cause: { attribute: false } };
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        pointer-events: none;
        width: 18.5rem;
        padding: 0.9rem 1rem;
        border-radius: 12px;
        background: rgb(11 13 18 / 82%);
        border: 1px solid rgb(255 255 255 / 9%);
        font-size: 0.8rem;
        font-variant-numeric: tabular-nums;
      }
      .top {
        display: grid;
        grid-template-columns: repeat(3, auto);
        justify-content: space-between;
        gap: 0.75rem;
        white-space: nowrap;
      }
      .big {
        font-size: 1.3rem;
        font-weight: 650;
        line-height: 1.2;
        letter-spacing: -0.02em;
      }
      .unit,
      dt,
      .note {
        color: var(--muted);
      }
      .bar {
        display: flex;
        gap: 2px;
        height: 8px;
        margin: 0.5rem 0 0.6rem;
      }
      .bar span {
        border-radius: 2px;
        min-width: 2px;
      }
      h2 {
        font-size: 0.8rem;
        font-weight: 600;
        letter-spacing: 0;
        display: flex;
        justify-content: space-between;
        margin-top: 0.8rem;
      }
      dl {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: 0.1rem 1rem;
        margin: 0;
      }
      dt {
        display: flex;
        align-items: center;
        gap: 0.45rem;
      }
      dd {
        margin: 0;
        text-align: right;
        white-space: nowrap;
      }
      i {
        width: 8px;
        height: 8px;
        border-radius: 2px;
      }
      .edge {
        background: var(--edge);
      }
      .network {
        background: var(--network);
      }
      .decode {
        background: var(--decode);
      }
      .present {
        background: var(--present);
      }
      .cause {
        margin-top: 0.6rem;
        padding: 0.5rem 0.7rem;
        border-radius: 8px;
        background: rgb(255 255 255 / 6%);
        font-size: 0.8rem;
      }
      hr {
        border: 0;
        border-top: 1px solid rgb(255 255 255 / 10%);
        margin: 0.6rem 0;
      }
    `,
  ];

  declare stats: Stats | null;
  declare video: VideoNotice | null;
  declare cause: Cause | null;

  constructor() {
    super();
    this.stats = null;
    this.video = null;
    this.cause = null;
  }

  override render() {
    const { stats, video, cause } = this;
    if (stats === null) return html`<p class="note" role="status">Measuring…</p>`;
    return html`<div role="group" aria-label="Figures">
      <div class="top">
        ${figure(stats.fps.toFixed(0), "fps")} ${figure((stats.bitrate / 1e6).toFixed(1), "Mbit/s")}
        ${figure(stats.roundTrip === null ? "–" : stats.roundTrip.toFixed(1), "ms round trip")}
      </div>
      ${cause === null ? nothing : html`<p class="cause" role="status">${why(cause)}</p>`}
      ${stats.latency === null ? nothing : this.#latency(stats.latency)}
      <hr />
      <dl>
        ${row("Picture", stats.width === 0 ? "–" : `${stats.width} × ${stats.height}`)}
        ${video === null ? nothing : row("Encoder", `${video.encoder}, ${video.frameRate} fps`)}
        ${row("Stood still", `${stats.freezes} ×`)} ${row("Frames dropped", String(stats.dropped))}
        ${row("Packets lost", String(stats.lost))} ${stats.link === null ? nothing : link(stats.link)}
      </dl>
      ${video === null ? nothing : [video.reason, video.instead].map((text) => (text === "" ? nothing : html`<p class="note">${text}</p>`))}
    </div>`;
  }

  /** The bar's parts grow with their times. Set through the style object, which the page's policy allows. */
  protected override updated(): void {
    for (const part of PARTS) {
      const element = this.renderRoot.querySelector<HTMLElement>(`.bar .${part}`);
      if (element !== null) element.style.flexGrow = String(this.stats?.latency?.[part] ?? 0);
    }
  }

  #latency(latency: Latency) {
    const parts = PARTS.filter((part) => latency[part] !== null);
    return html`<h2><span>Drawn to shown</span><span>${latency.total.toFixed(1)} ms</span></h2>
      <div class="bar" aria-hidden="true">${parts.map((part) => html`<span class=${part}></span>`)}</div>
      <dl>
        ${parts.map((part) => html`<dt><i class=${part}></i>${WORDS[part]}</dt><dd>${latency[part]?.toFixed(1)} ms</dd>`)}
      </dl>`;
  }
}

function figure(value: string, unit: string) {
  return html`<div><div class="big">${value}</div><div class="unit">${unit}</div></div>`;
}

function link({ state, target, queue }: LinkFigures) {
  return html`${row("Link", `${state}, ${(target / 1e6).toFixed(1)} Mbit/s`)} ${row("Waits in line", `${queue.toFixed(0)} ms`)}`;
}

function row(name: string, value: string) {
  return html`<dt>${name}</dt><dd>${value}</dd>`;
}

customElements.define("nl-overlay", Overlay);
