import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Cluster, Edge, Node, Order, Session, Waiting } from "./api.js";
import { ago, figures, kind, short, span, state } from "./words.js";

/** A list's rows below its columns' names. On a phone each row is a card, and names its cells itself. */
export function table(caption: string, columns: readonly string[], rows: unknown, acts = false) {
  return html`<div class="panel">
    <table>
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((name) => html`<th scope="col">${name}</th>`)}
          ${acts ? html`<th scope="col"><span class="unseen">What can be done</span></th>` : nothing}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

export function nothingThere(text: string) {
  return html`<div class="panel empty">${text}</div>`;
}

export interface EdgeActs {
  drain(edge: Edge): void;
  undrain(edge: Edge): void;
  ban(edge: Edge): void;
  sessions(edge: Edge): void;
}

export function edgeTable(edges: readonly Edge[], filtered: boolean, acts: EdgeActs) {
  if (edges.length === 0) {
    return nothingThere(filtered ? "No edge is like that." : "No edge is connected. `nearlight edge` starts one.");
  }
  return table(
    "Edges",
    ["Edge", "State", "Slots", "Apps", "Connected", "Node"],
    repeat(
      edges,
      ({ id }) => id,
      (edge) => html`<tr>
        <td class="wide" data-name="Edge">${edge.name || "unnamed"}<small>${short(edge.id, 10)}</small></td>
        <td data-name="State">
          ${state(edge.state)}
          ${edge.drain === undefined ? nothing : html`<small>${edge.drain.reason} (${edge.drain.by})</small>`}
        </td>
        <td data-name="Slots">${edge.free} of ${edge.slots} free</td>
        <td data-name="Apps">${edge.apps.length === 0 ? "its own" : edge.apps.join(", ")}</td>
        <td data-name="Connected">${edge.since.startsWith("1970") ? "—" : span(edge.since)}</td>
        <td data-name="Node">${edge.node === "" ? "this one" : short(edge.node, 5)}</td>
        <td class="acts">
          <button @click=${() => acts.sessions(edge)}>Sessions</button>
          ${
            edge.drain === undefined
              ? html`<button @click=${() => acts.drain(edge)}>Drain</button>`
              : html`<button @click=${() => acts.undrain(edge)}>Undo drain</button>`
          }
          <button class="danger" @click=${() => acts.ban(edge)}>Ban</button>
        </td>
      </tr>`,
    ),
    true,
  );
}

export interface SessionActs {
  explain(session: Session): void;
  end(session: Session): void;
  ban(session: Session): void;
}

export function sessionTable(sessions: readonly Session[], filtered: boolean, acts: SessionActs) {
  if (sessions.length === 0) return nothingThere(filtered ? "No session is like that." : "Nobody plays now.");
  return table(
    "Sessions",
    ["Session", "Game", "Player", "Since", "Figures", "Edge"],
    repeat(
      sessions,
      ({ id }) => id,
      (session) => html`<tr>
        <td class="wide" data-name="Session">${short(session.id, 10)}<small>token ${short(session.token, 6)}</small></td>
        <td data-name="Game">${session.watches === undefined ? session.app || "the edge's own" : "looks on"}</td>
        <td data-name="Player">
          <span class="state ${session.player === "connected" ? (session.phase === "settled" ? "good" : "warn") : "bad"}"
            >${session.player === "connected" && session.phase !== "settled" ? session.phase : session.player}</span
          >
          ${session.spectators === 0 ? nothing : html`<small>${session.spectators} look on</small>`}
        </td>
        <td data-name="Since">${span(session.begun)}</td>
        <td class="wide" data-name="Figures">${session.quality === undefined ? "—" : figures(session.quality)}</td>
        <td data-name="Edge">${short(session.edge, 6)}</td>
        <td class="acts">
          <button @click=${() => acts.explain(session)}>Explain</button>
          <button class="danger" @click=${() => acts.end(session)}>End</button>
          <button class="danger" @click=${() => acts.ban(session)}>Ban</button>
        </td>
      </tr>`,
    ),
    true,
  );
}

export function queueTable(waiting: readonly Waiting[]) {
  if (waiting.length === 0) return nothingThere("Nobody waits.");
  return table(
    "Who waits",
    ["Position", "Waits since", "Game", "Estimate", "Token", "Node"],
    waiting.map(
      (one) => html`<tr>
        <td data-name="Position">${one.position}</td>
        <td data-name="Waits since">${span(one.since)}</td>
        <td data-name="Game">${one.app || "any"}</td>
        <td data-name="Estimate">${one.estimate < 0 ? "nobody knows" : `${one.estimate} s`}</td>
        <td data-name="Token">${short(one.token, 6)}</td>
        <td data-name="Node">${one.node === "" ? "this one" : short(one.node, 5)}</td>
      </tr>`,
    ),
  );
}

export function orderTable(orders: readonly Order[], lift: (order: Order) => void) {
  if (orders.length === 0) return nothingThere("Nothing is drained or banned.");
  return table(
    "Drains and bans",
    ["Order", "Of", "Reason", "By", "Given", "Holds"],
    orders.map(
      (order) => html`<tr>
        <td data-name="Order"><span class="state ${order.kind === "drain-edge" ? "warn" : "bad"}">${kind(order.kind)}</span></td>
        <td data-name="Of">${short(order.target, 10)}</td>
        <td class="wide" data-name="Reason">${order.reason}</td>
        <td data-name="By">${order.by}</td>
        <td data-name="Given">${ago(order.at)}</td>
        <td data-name="Holds">${order.until === undefined ? "until it is lifted" : `for ${span(order.until)}`}</td>
        <td class="acts"><button @click=${() => lift(order)}>Lift</button></td>
      </tr>`,
    ),
    true,
  );
}

export function nodeCards(cluster: Cluster | null, drain: (node: Node) => void) {
  return html`<div class="nodes">
    ${(cluster?.nodes ?? []).map(
      (node) => html`<section class="panel node">
        <h3>${node.id === "" ? "This node, alone" : short(node.id, 8)} ${node.self && node.id !== "" ? "(this one)" : ""}</h3>
        <span><span class="state ${node.draining ? "warn" : "good"}">${node.draining ? "draining" : "serving"}</span></span>
        <dl>
          <dt>Edges</dt>
          <dd>${node.edges}</dd>
          <dt>Waiting</dt>
          <dd>${node.waiting}</dd>
        </dl>
        <div><button @click=${() => drain(node)}>${node.draining ? "Undo drain" : "Drain"}</button></div>
      </section>`,
    )}
  </div>`;
}
