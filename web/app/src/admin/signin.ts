import { css, html, LitElement, nothing } from "lit";
import { looks } from "../style/admin.js";
import { logo } from "../ui/logo.js";

/** Asks for an operator's token. Fires "token" with it. */
export class SignIn extends LitElement {
  static override properties = { failed: { type: String }, busy: { type: Boolean } };
  static override styles = [
    looks,
    css`
      main {
        min-height: 100dvh;
        display: grid;
        place-content: center;
        justify-items: center;
        gap: 1.6rem;
        padding: 1.2rem;
      }
      form {
        display: grid;
        gap: 1rem;
        width: min(25rem, calc(100vw - 2.4rem));
        padding: 1.6rem;
      }
      h1 {
        font-size: 1.3rem;
      }
      label {
        display: grid;
        gap: 0.3rem;
        font-size: 0.87rem;
        color: var(--muted);
      }
      input {
        min-height: 44px;
        font-family: var(--mono);
      }
      button {
        min-height: 44px;
        font-size: 1rem;
      }
      .small {
        font-size: 0.83rem;
      }
    `,
  ];

  declare failed: string;
  declare busy: boolean;

  constructor() {
    super();
    this.failed = "";
    this.busy = false;
  }

  override render() {
    return html`<main>
      ${logo}
      <form class="panel" @submit=${this.#submit}>
        <h1>Operator’s console</h1>
        ${this.failed === "" ? nothing : html`<p class="notice bad" role="alert">${this.failed}</p>`}
        <label>
          Your token
          <input name="token" type="password" required autocomplete="off" spellcheck="false" autocapitalize="off" autofocus />
        </label>
        <button class="primary" ?disabled=${this.busy}>Open</button>
        <p class="muted small">
          It is kept in this tab alone, until the tab is closed. <code>nearlight admin token NAME</code> makes one.
        </p>
      </form>
    </main>`;
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const token = String(new FormData(form).get("token")).trim();
    form.reset();
    this.dispatchEvent(new CustomEvent("token", { detail: token }));
  }
}

customElements.define("nl-signin", SignIn);
