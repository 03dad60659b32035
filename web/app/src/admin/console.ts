import { html, LitElement, nothing, type PropertyValues } from "lit";
import { looks } from "../style/admin.js";
import { checksLook } from "../style/checks.js";
import { frame } from "../style/console.js";
import { logo } from "../ui/logo.js";
import { banEdge, banNamed, banTokenOf, drainEdge, drainNode, endSession, lift, undrainEdge } from "./acts.js";
import {
  type Absent,
  Api,
  type Cluster,
  type Edge,
  type Explained,
  type Order,
  type Page,
  Refusal,
  type Session,
} from "./api.js";
import { auditTable } from "./audit.js";
import { checksView } from "./checkviews.js";
import type { Act, Confirm } from "./confirm.js";
import "./confirm.js";
import "./explain.js";
import { takeHanded } from "./handed.js";
import { ask, type Filter, type Lists, TABS, type Tab, UNFILTERED } from "./lists.js";
import "./signin.js";
import { edgeTable, nodeCards, nothingThere, orderTable, queueTable, sessionTable } from "./tables.js";
import { short } from "./words.js";

const KEY = "nearlight.operator";
const EVERY = 3000; // milliseconds

/** How many edges an explanation names besides the session's own. */
const NAMED = 30;

/** The operator's page. */
export class Console extends LitElement {
  static override properties = {
    store: { attribute: false },
    api: { state: true },
    tab: { state: true },
    lists: { state: true },
    cluster: { state: true },
    failed: { state: true },
    told: { state: true },
    filter: { state: true },
    trail: { state: true },
    explained: { state: true },
    checking: { state: true },
  };
  static override styles = [looks, frame, checksLook];

  declare store: Storage;
  declare api: Api | null;
  declare tab: Tab;
  declare lists: Partial<Lists>;
  declare cluster: Cluster | null;
  declare failed: string;
  declare told: string;
  declare filter: Filter;
  declare trail: readonly string[];
  declare explained: Explained | null;
  declare checking: boolean;

  #timer = 0;
  #asked = 0;

  constructor() {
    super();
    this.api = null;
    this.tab = "Edges";
    this.lists = {};
    this.cluster = null;
    this.failed = "";
    this.told = "";
    this.filter = UNFILTERED;
    this.trail = [];
    this.explained = null;
    this.checking = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const handed = takeHanded(window);
    if (handed.tab !== null) this.tab = handed.tab;
    const token = handed.token ?? this.store.getItem(KEY);
    if (token !== null) void this.#open(token);
    document.addEventListener("visibilitychange", this.#turn);
    this.#turn();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#turn);
    clearInterval(this.#timer);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("tab") || changed.has("filter") || changed.has("trail")) void this.#look();
  }

  override render() {
    if (this.api === null) {
      return html`<nl-signin
        .failed=${this.failed}
        .busy=${this.checking}
        @token=${(event: CustomEvent<string>) => this.#open(event.detail)}
      ></nl-signin>`;
    }
    return html`<header>
        <div class="top">
          <span class="mark">${logo}</span> ${this.#health()}
          <button class="quiet" @click=${() => this.#signOut("")}>Sign out</button>
        </div>
        <nav role="tablist" aria-label="What to look at" @keydown=${this.#arrow}>
          ${TABS.map(
            (tab) => html`<button
              role="tab"
              id="tab-${tab}"
              aria-controls="panel"
              aria-selected=${this.tab === tab}
              tabindex=${this.tab === tab ? 0 : -1}
              @click=${() => this.#go(tab)}
            >
              ${tab}${this.#count(tab)}
            </button>`,
          )}
        </nav>
      </header>
      <main id="panel" role="tabpanel" aria-labelledby="tab-${this.tab}">
        ${this.failed === "" ? nothing : html`<p class="notice bad" role="alert">${this.failed}</p>`}
        <div role="status">${this.told === "" ? nothing : html`<p class="notice good">${this.told}</p>`}</div>
        ${
          this.explained === null
            ? this.#panel()
            : html`<nl-explain
              .explained=${this.explained}
              @back=${() => {
                this.explained = null;
              }}
            ></nl-explain>`
        }
      </main>
      <nl-confirm @done=${(event: CustomEvent<string>) => this.#done(event.detail)}></nl-confirm>`;
  }

  #health() {
    const { cluster } = this;
    if (cluster === null) return html`<span class="state">asking</span>`;
    const [word, style] = !cluster.connected
      ? ["other nodes are not heard", "bad"]
      : cluster.ready
        ? ["ready", "good"]
        : ["not ready", "warn"];
    const nodes = cluster.nodes.length;
    return html`<span class="state ${style}">${nodes === 1 ? "1 node" : `${nodes} nodes`}, ${word}</span>`;
  }

  #count(tab: Tab) {
    const cluster = this.cluster;
    if (cluster === null) return nothing;
    const sum = (of: "edges" | "waiting") => cluster.nodes.reduce((all, node) => all + node[of], 0);
    if (tab === "Edges") return html`<small>${sum("edges")}</small>`;
    if (tab === "Queue" && sum("waiting") > 0) return html`<small>${sum("waiting")}</small>`;
    return nothing;
  }

  #panel() {
    const { lists, cluster } = this;
    switch (this.tab) {
      case "Edges":
        return html`<div class="bar">
            <h2>Edges</h2>
            ${this.#search("text", "Find an edge by id or name", "Id or name")}
            <select
              aria-label="State"
              @change=${(event: Event) => this.#filter({ state: (event.target as HTMLSelectElement).value })}
            >
              <option value="" ?selected=${this.filter.state === ""}>Any state</option>
              ${["open", "full", "draining", "silent"].map(
                (name) => html`<option ?selected=${this.filter.state === name}>${name}</option>`,
              )}
            </select>
          </div>
          ${
            lists.Edges === undefined
              ? this.#loading()
              : edgeTable(lists.Edges.list, this.filter.text !== "" || this.filter.state !== "", this.#edgeActs)
          }
          ${this.#pages(lists.Edges)}`;
      case "Sessions":
        return html`<div class="bar">
            <h2>Sessions</h2>
            ${
              this.filter.edge === ""
                ? nothing
                : html`<span>of ${short(this.filter.edge, 6)}</span>
                    <button @click=${() => this.#filter({ edge: "" })}>Show all</button>`
            }
          </div>
          ${
            lists.Sessions === undefined
              ? this.#loading()
              : sessionTable(lists.Sessions.list, this.filter.edge !== "", this.#sessionActs)
          }
          ${this.#pages(lists.Sessions)}`;
      case "Queue":
        return html`<div class="bar"><h2>Who waits for an edge</h2></div>
          ${lists.Queue === undefined ? this.#loading() : queueTable(lists.Queue.list)} ${this.#pages(lists.Queue)}`;
      case "Orders":
        return html`<div class="bar">
            <h2>Drains and bans</h2>
            <button @click=${() => this.#ask(banNamed("key", "the id of a key that signs tokens", this.#run))}>Ban a key</button>
            <button @click=${() => this.#ask(banNamed("token", "the token’s id (jti), not the token", this.#run))}>Ban a token</button>
          </div>
          ${
            cluster?.kept === false
              ? html`<p class="notice">
                  Nothing is kept here: these hold while a node runs that knows of them. <code>--database</code> keeps them.
                </p>`
              : nothing
          }
          ${lists.Orders === undefined ? this.#loading() : orderTable(lists.Orders.list, (order: Order) => this.#ask(lift(order, this.#run)))}`;
      case "Checks":
        return html`<div class="bar">
            <h2>What checkers have found</h2>
            ${this.#search("checked", "Find an edge by address or name", "Address or name")}
          </div>
          ${this.#kept(lists.Checks, (checks) => checksView(checks, this.filter.checked !== ""))}`;
      case "Audit": {
        const only = { session: this.filter.auditSession, edge: this.filter.auditEdge };
        return html`<div class="bar">
            <h2>Who did what</h2>
            ${this.#search("auditSession", "Acts of one session, by its whole id", "Session")}
            ${this.#search("auditEdge", "Acts of one edge, by its whole id", "Edge")}
          </div>
          ${this.#kept(lists.Audit, (page) => [auditTable(page.list, only, this.#auditActs), this.#pages(page)])}`;
      }
      case "Nodes":
        return html`<div class="bar"><h2>Signaling nodes</h2></div>
          ${nodeCards(cluster, (node) => this.#ask(drainNode(node, cluster?.nodes.length === 1, this.#run)))}`;
    }
  }

  #loading() {
    return html`<div class="panel empty">Asking…</div>`;
  }

  /** What a node need not keep. */
  #kept<T extends object>(what: T | Absent | undefined, shown: (what: T) => unknown) {
    if (what === undefined) return this.#loading();
    return "absent" in what ? nothingThere(what.absent) : shown(what);
  }

  #search(field: keyof Filter, label: string, placeholder: string) {
    return html`<input
      type="search"
      aria-label=${label}
      placeholder=${placeholder}
      maxlength="128"
      autocomplete="off"
      spellcheck="false"
      .value=${this.filter[field]}
      @input=${(event: InputEvent) => this.#filter({ [field]: (event.target as HTMLInputElement).value.trim() })}
    />`;
  }

  #pages(page: Page<unknown> | undefined) {
    if (page === undefined) return nothing;
    const silent = page.silent.length;
    return html`${
      silent === 0
        ? nothing
        : html`<p class="notice">${silent === 1 ? "One node does" : `${silent} nodes do`} not answer; what they have is missing here.</p>`
    }
    ${
      this.trail.length === 0 && page.next === ""
        ? nothing
        : html`<div class="more">
            <button
              ?disabled=${this.trail.length === 0}
              @click=${() => {
                this.trail = this.trail.slice(0, -1);
              }}
            >
              Before
            </button>
            <button
              ?disabled=${page.next === ""}
              @click=${() => {
                this.trail = [...this.trail, page.next];
              }}
            >
              More
            </button>
          </div>`
    }`;
  }

  #turn = (): void => {
    clearInterval(this.#timer);
    if (document.visibilityState !== "visible") return;
    this.#timer = window.setInterval(() => void this.#look(), EVERY);
    void this.#look();
  };

  #go(tab: Tab): void {
    this.tab = tab;
    this.trail = [];
    this.explained = null;
    this.told = "";
  }

  #arrow(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = TABS[(TABS.indexOf(this.tab) + step + TABS.length) % TABS.length] ?? "Edges";
    this.#go(next);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${next}`)?.focus());
  }

  #filter(change: Partial<Filter>): void {
    this.trail = [];
    this.filter = { ...this.filter, ...change };
  }

  async #open(token: string): Promise<void> {
    const api = new Api(token);
    this.checking = true;
    this.failed = "";
    try {
      this.cluster = await api.cluster();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 401) this.store.removeItem(KEY);
      this.failed = error.message;
      return;
    } finally {
      this.checking = false;
    }
    this.store.setItem(KEY, token);
    this.api = api;
    await this.#look();
  }

  #signOut(why: string): void {
    this.store.removeItem(KEY);
    this.api = null;
    this.lists = {};
    this.cluster = null;
    this.explained = null;
    this.failed = why;
  }

  /** Asks for what is shown. An answer that a later question has overtaken is dropped. */
  async #look(): Promise<void> {
    const { api, tab, filter } = this;
    if (api === null) return;
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const [cluster, list] = await Promise.all([api.cluster(), ask(api, tab, filter, this.trail.at(-1) ?? "")]);
      if (asked !== this.#asked || api !== this.api) return;
      this.cluster = cluster;
      if (list !== undefined) this.lists = { ...this.lists, [tab]: list };
      this.failed = "";
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (asked !== this.#asked) return;
      if (error.status === 401) this.#signOut("The token is not good any more.");
      else this.failed = `${error.message} ${error.hint}`;
    }
  }

  #ask(act: Act): void {
    void this.renderRoot.querySelector<Confirm>("nl-confirm")?.ask(act);
  }

  async #done(what: string): Promise<void> {
    this.told = what;
    await this.#look();
  }

  /** Does an act, and says for how long it is known. */
  readonly #run = async (path: string, body: Record<string, unknown>, done: string): Promise<string> => {
    if (this.api === null) return "";
    const { kept, moved = 0 } = await this.api.act(path, body);
    return `${done}${moved > 0 ? ` ${moved === 1 ? "One player was" : `${moved} players were`} handed to other edges.` : ""}${
      kept === false ? " It is forgotten when signaling is restarted: no store keeps it." : ""
    }`;
  };

  readonly #edgeActs = {
    sessions: (edge: Edge) => {
      this.#go("Sessions");
      this.#filter({ edge: edge.id });
    },
    drain: (edge: Edge) => this.#ask(drainEdge(edge, this.#run)),
    undrain: (edge: Edge) => this.#ask(undrainEdge(edge, this.#run)),
    ban: (edge: Edge) => this.#ask(banEdge(edge, this.#run)),
  };

  readonly #auditActs = {
    session: (id: string) => this.#filter({ auditSession: id }),
    edge: (id: string) => this.#filter({ auditEdge: id }),
  };

  readonly #sessionActs = {
    explain: (session: Session) => void this.#explain(session),
    end: (session: Session) => this.#ask(endSession(session, this.#run)),
    ban: (session: Session) => this.#ask(banTokenOf(session, this.#run)),
  };

  async #explain(session: Session): Promise<void> {
    if (this.api === null) return;
    try {
      const { list } = await this.api.edges({ limit: String(NAMED) });
      const others = list.map(({ id }) => id).filter((id) => id !== session.edge);
      this.explained = await this.api.explainSession(session.id, [session.edge, ...others]);
      this.told = "";
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.failed = `${error.message} ${error.hint}`;
    }
  }
}

customElements.define("nl-console", Console);
