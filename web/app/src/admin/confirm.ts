import { css, html, LitElement, nothing } from "lit";
import { looks } from "../style/admin.js";
import { Refusal } from "./api.js";

/** An act that is to be confirmed, with a reason. */
export interface Act {
  readonly heading: string;
  readonly text: string;
  readonly button: string;
  readonly danger?: boolean;
  /** A box that may be ticked: the name of its field, and what it says. */
  readonly choice?: { readonly field: string; readonly label: string };
  /** Who is meant, where that is to be written: the name of its field, and what it says. */
  readonly named?: { readonly field: string; readonly label: string };
  /** Whether it may be for a time. */
  readonly timed?: boolean;
  readonly run: (body: Record<string, unknown>) => Promise<string>;
}

const TIMES = [
  ["", "Until it is lifted"],
  ["1", "For an hour"],
  ["24", "For a day"],
  ["168", "For a week"],
] as const;

/** Asks whether an act is meant, and why. Fires "done" with what came of it. */
export class Confirm extends LitElement {
  static override properties = { act: { state: true }, busy: { state: true }, failed: { state: true } };
  static override styles = [
    looks,
    css`
      dialog {
        color: var(--text);
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: 16px;
        padding: 1.4rem;
        width: min(30rem, calc(100vw - 2rem));
        box-shadow: 0 24px 60px rgb(0 0 0 / 35%);
      }
      dialog::backdrop {
        background: rgb(8 10 15 / 55%);
      }
      form {
        display: grid;
        gap: 0.9rem;
      }
      label {
        display: grid;
        gap: 0.25rem;
        font-size: 0.85rem;
        color: var(--muted);
      }
      label.box {
        display: flex;
        gap: 0.6rem;
        align-items: center;
        color: var(--text);
        font-size: 0.95rem;
      }
      label.box input {
        min-height: 0;
        width: 1.1rem;
        height: 1.1rem;
        accent-color: var(--light);
      }
      .acts {
        display: flex;
        justify-content: flex-end;
        gap: 0.6rem;
      }
      .text {
        color: var(--muted);
        overflow-wrap: anywhere;
      }
    `,
  ];

  declare act: Act | null;
  declare busy: boolean;
  declare failed: string;

  constructor() {
    super();
    this.act = null;
    this.busy = false;
    this.failed = "";
  }

  async ask(act: Act): Promise<void> {
    this.act = act;
    this.failed = "";
    await this.updateComplete;
    const dialog = this.renderRoot.querySelector("dialog");
    this.renderRoot.querySelector("form")?.reset();
    dialog?.showModal();
  }

  override render() {
    const { act } = this;
    return html`<dialog aria-labelledby="heading" aria-describedby="text">
      ${
        act === null
          ? nothing
          : html`<form @submit=${this.#submit}>
              <h2 id="heading">${act.heading}</h2>
              <p id="text" class="text">${act.text}</p>
              ${this.failed === "" ? nothing : html`<p class="notice bad" role="alert">${this.failed}</p>`}
              ${
                act.named === undefined
                  ? nothing
                  : html`<label>
                      ${act.named.label}
                      <input name=${act.named.field} required maxlength="128" autocomplete="off" spellcheck="false" />
                    </label>`
              }
              <label>
                Why? The audit log keeps it.
                <input name="reason" required maxlength="400" autocomplete="off" pattern=".*\\S.*" />
              </label>
              ${
                act.timed
                  ? html`<label>
                      How long?
                      <select name="hours">
                        ${TIMES.map(([hours, name]) => html`<option value=${hours}>${name}</option>`)}
                      </select>
                    </label>`
                  : nothing
              }
              ${
                act.choice === undefined
                  ? nothing
                  : html`<label class="box"><input type="checkbox" name=${act.choice.field} />${act.choice.label}</label>`
              }
              <div class="acts">
                <button type="button" class="quiet" @click=${this.#close}>Cancel</button>
                <button class=${act.danger ? "danger" : "primary"} ?disabled=${this.busy}>${act.button}</button>
              </div>
            </form>`
      }
    </dialog>`;
  }

  #close(): void {
    this.renderRoot.querySelector("dialog")?.close();
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { act } = this;
    if (act === null || this.busy) return;
    const form = new FormData(event.target as HTMLFormElement);
    const body: Record<string, unknown> = { reason: String(form.get("reason")).trim() };
    const hours = Number(form.get("hours") ?? 0);
    if (hours > 0) body["until"] = new Date(Date.now() + hours * 3600_000).toISOString();
    if (act.choice !== undefined && form.get(act.choice.field) !== null) body[act.choice.field] = true;
    if (act.named !== undefined) body[act.named.field] = String(form.get(act.named.field)).trim();
    this.busy = true;
    try {
      const detail = await act.run(body);
      this.#close();
      this.dispatchEvent(new CustomEvent("done", { detail }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.failed = `${error.message} ${error.hint}`;
    } finally {
      this.busy = false;
    }
  }
}

customElements.define("nl-confirm", Confirm);
