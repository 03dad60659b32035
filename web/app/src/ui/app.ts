import { type App, apps, type ErrorInfo, PlayerError } from "@nearlight/player";
import { css, html, LitElement } from "lit";
import type { PlayLink } from "../link.js";
import { shared } from "../style/shared.js";
import { logo } from "./logo.js";
import "./message.js";
import "./picker.js";
import "./play.js";

type Page =
  | { readonly name: "loading" }
  | { readonly name: "picker" }
  | { readonly name: "play"; readonly app: App | null; readonly start: "gesture" | "auto" | "wait" }
  | { readonly name: "failed"; readonly info: ErrorInfo };

const NO_TOKEN: ErrorInfo = {
  code: "no-token",
  message: "This address holds no right to play.",
  hint: "Open the whole link that you were given, with everything after the #.",
  retryable: false,
};

/** Decides what the player sees: the catalogue where there is a choice, else the one game. */
export class AppShell extends LitElement {
  static override properties = { link: { attribute: false }, page: { state: true }, catalogue: { state: true } };
  static override styles = [
    shared,
    css`
      .middle {
        min-height: 100dvh;
        display: grid;
        align-content: center;
        justify-items: center;
        gap: 2rem;
        padding: 1.25rem;
        background: radial-gradient(50rem 26rem at 50% -8%, rgb(255 182 92 / 9%), transparent 70%);
      }
    `,
  ];

  declare link: PlayLink;
  declare page: Page;
  declare catalogue: readonly App[];

  constructor() {
    super();
    this.page = { name: "loading" };
    this.catalogue = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#begin();
  }

  override render() {
    const { page, link } = this;
    const token = link.token ?? "";
    switch (page.name) {
      case "loading":
        return html`<div class="middle" role="status" aria-label="Loading">${logo}</div>`;
      case "failed":
        return html`<main class="middle">
          ${logo}
          <nl-message heading="This link does not work" .info=${page.info} @retry=${this.#begin}></nl-message>
        </main>`;
      case "picker":
        return html`<nl-picker
          .apps=${this.catalogue}
          .token=${token}
          @play=${(event: CustomEvent<App>) => this.#play(event.detail)}
          @installed=${this.#load}
        ></nl-picker>`;
      case "play":
        return html`<nl-play
          .app=${page.app}
          .token=${token}
          .watch=${link.watch}
          .start=${page.start}
          .direct=${this.link.rest.get("sound") !== "browser"}
          ?pickable=${this.#choice}
          @back=${this.#back}
        ></nl-play>`;
    }
  }

  get #choice(): boolean {
    return this.link.app === null && this.link.watch === null && this.catalogue.length > 1;
  }

  async #begin(): Promise<void> {
    const { token, app, autoplay } = this.link;
    if (token === null) {
      this.page = { name: "failed", info: NO_TOKEN };
      return;
    }
    // A game that the link names begins at once; what the catalogue says of it comes after.
    if (app !== null) this.page = { name: "play", app: named(app), start: autoplay ? "auto" : "wait" };
    try {
      await this.#load();
    } catch (error) {
      if (!(error instanceof PlayerError)) throw error;
      if (app === null) this.page = { name: "failed", info: error };
      return; // a named game tells by itself what is wrong
    }
    if (this.#choice && !autoplay) this.page = { name: "picker" };
    else this.page = { name: "play", app: this.#fixed(), start: autoplay ? "auto" : "wait" };
  }

  /** The one game of the link or of the catalogue; null leaves it to the edge, which has a first choice. */
  #fixed(): App | null {
    const { app, watch } = this.link;
    if (watch !== null && app === null) return null;
    if (app === null) return this.#choice ? null : (this.catalogue[0] ?? null);
    return this.catalogue.find(({ name }) => name === app) ?? named(app);
  }

  async #load(): Promise<void> {
    this.catalogue = await apps({ signal: location.origin, token: this.link.token ?? "" });
  }

  #play(app: App): void {
    this.page = { name: "play", app, start: "gesture" };
  }

  #back(): void {
    if (this.#choice) this.page = { name: "picker" };
    else if (this.page.name === "play") this.page = { ...this.page, start: "wait" };
  }
}

/** A game of which only the name is known. */
function named(name: string): App {
  return { name, title: name, summary: "", keys: [], package: "", installed: true };
}

customElements.define("nl-app", AppShell);
