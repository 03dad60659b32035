import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { looks } from "../style/admin.js";
import { logo } from "../ui/logo.js";
import {
  Api,
  type Cluster,
  type Edge,
  type Explained,
  type Order,
  type Page,
  Refusal,
  type Session,
  type Waiting,
} from "./api.js";
import type { Act, Confirm } from "./confirm.js";
import "./confirm.js";
import "./explain.js";
import "./signin.js";
import { edgeTable, orderTable, queueTable, sessionTable } from "./tables.js";
import { short } from "./words.js";

const TABS = ["Edges", "Sessions", "Queue", "Orders", "Nodes"] as const;
type Tab = (typeof TABS)[number];

/** What a tab shows: its list, once it has come. */
interface Lists {
  readonly Edges: Page<Edge>;
  readonly Sessions: Page<Session>;
  readonly Queue: Page<Waiting>;
  readonly Orders: Page<Order>;
}

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
  static override styles = [
    looks,
    css`
      header {
        position: sticky;
        top: 0;
        z-index: 1;
        background: color-mix(in srgb, var(--surface) 92%, transparent);
        backdrop-filter: blur(8px);
        border-bottom: 1px solid var(--line);
      }
      .top,
      nav,
      main {
        max-width: 78rem;
        margin: 0 auto;
        padding-inline: max(1.2rem, env(safe-area-inset-left));
      }
      .top {
        display: flex;
        align-items: center;
        gap: 1rem;
        min-height: 3.6rem;
      }
      .top .state {
        margin-left: auto;
      }
      .mark {
        display: flex;
        overflow: hidden;
      }
      .mark svg {
        flex: none;
        width: 132px;
      }
      nav {
        display: flex;
        gap: 0.25rem;
        overflow-x: auto;
        scrollbar-width: none;
      }
      nav button {
        border: 0;
        border-radius: 0;
        background: transparent;
        color: var(--muted);
        padding: 0.55rem 0.7rem;
        border-bottom: 2px solid transparent;
      }
      nav button:hover {
        color: var(--text);
        background: transparent;
      }
      nav button[aria-selected="true"] {
        color: var(--text);
        border-bottom-color: var(--light);
      }
      nav small {
        font-size: 0.78rem;
        font-weight: 500;
        color: var(--muted);
        margin-left: 0.3rem;
      }
      main {
        padding-block: 1.4rem 4rem;
      }
      .more {
        display: flex;
        justify-content: center;
        gap: 0.6rem;
        margin-top: 1rem;
      }
      .nodes {
        display: grid;
        gap: 1rem;
        grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr));
      }
      .node {
        padding: 1rem 1.2rem;
        display: grid;
        gap: 0.6rem;
      }
      .node dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.15rem 1rem;
        margin: 0;
        font-size: 0.9rem;
      }
      .node dt {
        color: var(--muted);
      }
      .node dd {
        margin: 0;
        font-variant-numeric: tabular-nums;
      }
      @media (max-width: 30rem) {
        .top,
        nav,
        main {
          padding-inline: 0.9rem;
        }
        .top {
          gap: 0.5rem;
        }
        .mark {
          width: 26px;
        }
        .top .state {
          margin-left: 0.2rem;
          margin-right: auto;
        }
        nav {
          justify-content: space-between;
          gap: 0;
        }
        nav button {
          padding-inline: 0.4rem;
        }
      }
    `,
  ];

  declare store: Storage;
  declare api: Api | null;
  declare tab: Tab;
  declare lists: Partial<Lists>;
  declare cluster: Cluster | null;
  declare failed: string;
  declare told: string;
  declare filter: { text: string; state: string; edge: string };
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
    this.filter = { text: "", state: "", edge: "" };
    this.trail = [];
    this.explained = null;
    this.checking = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const token = this.store.getItem(KEY);
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
    const { lists } = this;
    switch (this.tab) {
      case "Edges":
        return html`<div class="bar">
            <h2>Edges</h2>
            <input
              type="search"
              aria-label="Find an edge by id or name"
              placeholder="Id or name"
              maxlength="64"
              .value=${this.filter.text}
              @input=${(event: InputEvent) => this.#filter({ text: (event.target as HTMLInputElement).value })}
            />
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
            <button @click=${this.#banKey}>Ban a key</button>
            <button @click=${this.#banToken}>Ban a token</button>
          </div>
          ${
            this.cluster?.kept === false
              ? html`<p class="notice">
                  Nothing is kept here: these hold while a node runs that knows of them. <code>--database</code> keeps them.
                </p>`
              : nothing
          }
          ${lists.Orders === undefined ? this.#loading() : orderTable(lists.Orders.list, this.#lift)}`;
      case "Nodes":
        return html`<div class="bar"><h2>Signaling nodes</h2></div>
          <div class="nodes">
            ${(this.cluster?.nodes ?? []).map(
              (node) => html`<section class="panel node">
                <h3>${node.id === "" ? "This node, alone" : short(node.id, 8)} ${node.self && node.id !== "" ? "(this one)" : ""}</h3>
                <span><span class="state ${node.draining ? "warn" : "good"}">${node.draining ? "draining" : "serving"}</span></span>
                <dl>
                  <dt>Edges</dt>
                  <dd>${node.edges}</dd>
                  <dt>Waiting</dt>
                  <dd>${node.waiting}</dd>
                </dl>
                <div>
                  <button @click=${() => this.#drainNode(node.id, node.self, !node.draining)}>
                    ${node.draining ? "Undo drain" : "Drain"}
                  </button>
                </div>
              </section>`,
            )}
          </div>`;
    }
  }

  #loading() {
    return html`<div class="panel empty">Asking…</div>`;
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

  #filter(change: Partial<Console["filter"]>): void {
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
    const after = this.trail.at(-1) ?? "";
    try {
      const [cluster, list] = await Promise.all([
        api.cluster(),
        tab === "Edges"
          ? api.edges({ text: filter.text, state: filter.state, after, limit: "50" })
          : tab === "Sessions"
            ? api.sessions({ edge: filter.edge, after, limit: "50" })
            : tab === "Queue"
              ? api.queue()
              : tab === "Orders"
                ? api.orders()
                : undefined,
      ]);
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
  async #act(path: string, body: Record<string, unknown>, done: string): Promise<string> {
    if (this.api === null) return "";
    const { kept, moved = 0 } = await this.api.act(path, body);
    return `${done}${moved > 0 ? ` ${moved === 1 ? "One player was" : `${moved} players were`} handed to other edges.` : ""}${
      kept === false ? " It is forgotten when signaling is restarted: no store keeps it." : ""
    }`;
  }

  readonly #edgeActs = {
    sessions: (edge: Edge) => {
      this.#go("Sessions");
      this.#filter({ edge: edge.id });
    },
    drain: (edge: Edge) =>
      this.#ask({
        heading: `Drain ${edge.name || "the edge"}?`,
        text: `${edge.id} takes no further sessions. Those that run go on.`,
        button: "Drain",
        timed: true,
        choice: { field: "move", label: "Hand its players to other edges now" },
        run: (body) => this.#act(`edges/${encodeURIComponent(edge.id)}/drain`, body, "The edge takes no further sessions."),
      }),
    undrain: (edge: Edge) =>
      this.#ask({
        heading: `Let ${edge.name || "the edge"} take sessions again?`,
        text: edge.id,
        button: "Undo the drain",
        run: (body) => this.#act(`edges/${encodeURIComponent(edge.id)}/undrain`, body, "The edge takes sessions again."),
      }),
    ban: (edge: Edge) =>
      this.#ask({
        heading: `Ban ${edge.name || "the edge"}?`,
        text: `${edge.id} is disconnected from all nodes and may not come back. Its players go on at other edges, where there are any.`,
        button: "Ban the edge",
        danger: true,
        timed: true,
        run: (body) => this.#act("bans", { ...body, edge: edge.id }, "The edge is banned."),
      }),
  };

  readonly #sessionActs = {
    explain: (session: Session) => void this.#explain(session),
    end: (session: Session) =>
      this.#ask({
        heading: "End the session?",
        text: `${session.id}. Its player reads the reason.`,
        button: "End it",
        danger: true,
        run: (body) => this.#act(`sessions/${encodeURIComponent(session.id)}/end`, body, "The session has ended."),
      }),
    ban: (session: Session) =>
      this.#ask({
        heading: "Ban the player’s token?",
        text: `All that is played with the token of ${session.id} ends, and it is not good any more.`,
        button: "Ban the token",
        danger: true,
        timed: true,
        run: (body) => this.#act("bans", { ...body, tokenId: session.token }, "The token is banned."),
      }),
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

  readonly #lift = (order: Order): void => {
    const drain = order.kind === "drain-edge";
    const field = { "drain-edge": "", "ban-edge": "edge", "ban-key": "key", "ban-token": "tokenId" }[order.kind];
    this.#ask({
      heading: drain ? "Undo the drain?" : "Lift the ban?",
      text: order.target,
      button: drain ? "Undo the drain" : "Lift the ban",
      run: (body) =>
        drain
          ? this.#act(`edges/${encodeURIComponent(order.target)}/undrain`, body, "The edge takes sessions again.")
          : this.#act("bans/lift", { ...body, [field]: order.target }, "The ban is lifted."),
    });
  };

  #banKey(): void {
    this.#banNamed("key", "the id of a key that signs tokens", "The key");
  }

  #banToken(): void {
    this.#banNamed("token", "the token’s id (jti), not the token", "The token");
  }

  #banNamed(field: "key" | "token", what: string, subject: string): void {
    this.#ask({
      heading: `Ban a ${field}?`,
      text: "What is played by it ends at all nodes.",
      button: "Ban",
      danger: true,
      timed: true,
      named: { field, label: `Which? ${what}` },
      run: (body) => this.#act("bans", body, `${subject} is banned.`),
    });
  }

  #drainNode(id: string, self: boolean, drain: boolean): void {
    const alone = this.cluster?.nodes.length === 1;
    this.#ask({
      heading: drain ? "Drain the node?" : "Let the node serve again?",
      text: !drain
        ? "It takes edges and players again."
        : alone
          ? "It begins no further sessions, and /readyz is false. What runs goes on."
          : "Its edges and players go to the other nodes, with their sessions. /readyz is false.",
      button: drain ? "Drain" : "Undo the drain",
      run: (body) =>
        this.#act(
          `nodes/${self ? "self" : encodeURIComponent(id)}/${drain ? "drain" : "undrain"}`,
          body,
          drain ? "The node is drained, until it is restarted or this is undone." : "The node serves again.",
        ),
    });
  }
}

customElements.define("nl-console", Console);
