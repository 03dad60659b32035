import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { CheckedEdge, Checker, Checks, Finding, OpenTask, Verdict } from "./checks.js";
import {
  at,
  CONDUCTS,
  dueWords,
  known,
  measured,
  outcome,
  placeWords,
  requiredWords,
  resultStyle,
  type StateWords,
  shareWords,
  stateWords,
} from "./checkwords.js";
import { nothingThere, table } from "./tables.js";
import { ago, short, span } from "./words.js";

/** What checkers have found: edges, verdicts, and the checkers themselves. */
export function checksView(checks: Checks, filtered: boolean, now: number = Date.now()) {
  const names = new Map(checks.edges.map(({ address, name }) => [address, name]));
  return html`${
    checks.uncapped
      ? html`<p class="notice">
          All checkers may be of one owner here: this network runs on one machine, so its verdicts prove nothing to others.
        </p>`
      : nothing
  }
    <p class="muted verify">
      Epoch ${checks.epoch}, ${checks.entries} entries so far. A committee has ${checks.seats} checkers on average, and decides when
      ${checks.minimum} of their reports count. Nobody has to believe this page: <code>nearlight checker verify LOG</code> comes to the same
      by the epoch’s log, which is at <code>/checks/epochs/${checks.epoch}</code> of signaling’s own address.
    </p>
    <section aria-labelledby="checked-edges">
      <h3 id="checked-edges">Edges</h3>
      ${edges(checks.edges, filtered, now)} ${left(checks.left.edges, "edges")}
    </section>
    ${
      checks.open.length === 0
        ? nothing
        : html`<section aria-labelledby="checked-open">
            <h3 id="checked-open">Being decided</h3>
            ${open(checks.open, names, now)} ${left(checks.left.open, "tasks")}
          </section>`
    }
    <section aria-labelledby="checked-verdicts">
      <h3 id="checked-verdicts">Verdicts, newest first</h3>
      ${
        checks.verdicts.length === 0
          ? nothingThere(filtered ? "Nothing was decided about such an edge." : "Nothing was decided in this epoch so far.")
          : html`<div class="panel">
              ${repeat(
                checks.verdicts,
                ({ task }, i) => task || i,
                (one) => verdict(one, names),
              )}
            </div>`
      }
      ${left(checks.left.verdicts, "older verdicts; the log has them")}
    </section>
    <section aria-labelledby="checked-by">
      <h3 id="checked-by">Checkers</h3>
      ${checkers(checks.checkers)} ${left(checks.left.checkers, "checkers")}
    </section>`;
}

function left(n: number, what: string) {
  return n === 0 ? nothing : html`<p class="muted left">Left out here: ${n} ${what}.</p>`;
}

function chip(name: string, style: StateWords["style"]) {
  return html`<span class="state ${style}">${name}</span>`;
}

function named(address: string, names: ReadonlyMap<string, string>) {
  const name = names.get(address) ?? "";
  return name === "" ? short(address, 6) : html`${name} ${short(address, 6)}`;
}

function edges(list: readonly CheckedEdge[], filtered: boolean, now: number) {
  if (list.length === 0) return nothingThere(filtered ? "No edge is like that." : "No edge was checked so far.");
  return table(
    "Edges and their checks",
    ["Edge", "State", "Score", "Players", "Place", "Checked next"],
    repeat(
      list,
      ({ address }, i) => address || i,
      (edge) => {
        const { name, means, style } = stateWords(edge.state);
        return html`<tr>
          <td class="wide" data-name="Edge">
            ${edge.name || "unnamed"}<small>${short(edge.address, 6)}${edge.present ? nothing : html`, not connected`}</small>
          </td>
          <td class="wide" data-name="State">
            ${chip(name, style)}<small class="means">${means}${
              edge.owed === 0 || edge.state !== "probation"
                ? nothing
                : html` ${edge.owed} more ${edge.owed === 1 ? "check" : "checks"} of capacity to be passed until that is over.`
            }</small>
          </td>
          <td class="wide" data-name="Score">${score(edge)}</td>
          <td data-name="Players">${shareWords(edge.share)}</td>
          <td class="wide" data-name="Place">${place(edge)}</td>
          <td data-name="Checked next">
            ${
              edge.due.length === 0
                ? "not at all"
                : html`<ul class="due">
                    ${edge.due.map((due) => html`<li><b>${due.check}</b> ${dueWords(due, now)}</li>`)}
                  </ul>`
            }
          </td>
        </tr>`;
      },
    ),
  );
}

function place(edge: CheckedEdge) {
  const { claimed, said, style, means } = placeWords(edge);
  return html`${claimed}<small class="said ${style}">${said}</small>${means === "" ? nothing : html`<small class="means">${means}</small>`}`;
}

/** A score as a bar; the line on it reaches from what it would be if all that is not known were bad, to if all were good. */
function score(edge: CheckedEdge) {
  const { percent, low, high } = known(edge);
  return html`<div class="score">
    <svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="1000" height="12" />
      <rect class="value" width=${edge.score} height="12" />
      <rect class="range" x=${low} y="5" width=${high - low} height="2" />
      <rect class="range" x=${Math.min(low, 990)} y="2" width="10" height="8" />
      <rect class="range" x=${Math.max(high - 10, 0)} y="2" width="10" height="8" />
    </svg>
    <span>${edge.score} of 1000</span>
    <small>${percent === 100 ? "all of it is known" : `${percent}\u00a0% known: ${low} to ${high}`}</small>
  </div>`;
}

function open(list: readonly OpenTask[], names: ReadonlyMap<string, string>, now: number) {
  return table(
    "What is being decided",
    ["Check", "Edge", "Set", "Commitments", "Reports", "Now"],
    repeat(
      list,
      ({ task }, i) => task || i,
      (one) => html`<tr>
        <td data-name="Check">${one.check}</td>
        <td data-name="Edge">${named(one.edge, names)}</td>
        <td data-name="Set">${when(one.at)}</td>
        <td data-name="Commitments">${one.commitments}</td>
        <td data-name="Reports">${one.reports}</td>
        <td data-name="Now">
          ${
            now < one.commitBy
              ? `measured, for ${span(iso(one.commitBy), now)} more`
              : now < one.revealBy
                ? `revealed, for ${span(iso(one.revealBy), now)} more`
                : "counted"
          }
        </td>
      </tr>`,
    ),
  );
}

function verdict(one: Verdict, names: ReadonlyMap<string, string>) {
  return html`<details class="verdict">
    <summary>
      ${chip(one.result || "unknown", resultStyle(one.result))}
      <span class="what"><b>${one.check}</b> of ${named(one.edge, names)}</span>
      <span class="muted">${when(one.decided)}</span>
    </summary>
    <div class="opened">
      ${one.notice === "" ? nothing : html`<p class="told">${one.notice}</p>`}
      ${
        one.findings.length === 0
          ? html`<p class="muted">No question was answered.</p>`
          : table(
              "What was found",
              ["Question", "Measured", "Required", "Outcome", "Reports that count"],
              one.findings.map(finding),
            )
      }
      ${conduct(one.conduct)} ${left(one.more, "checkers")}
      <p class="muted">Task ${short(one.task, 10)}, set ${at(one.at)}, decided ${at(one.decided)}.</p>
    </div>
  </details>`;
}

function finding(one: Finding) {
  const { name, style } = outcome(one);
  return html`<tr>
    <td class="wide" data-name="Question">${one.question}</td>
    <td data-name="Measured">${measured(one)}</td>
    <td data-name="Required">${requiredWords(one)}</td>
    <td data-name="Outcome">${chip(name, style)}</td>
    <td data-name="Reports that count">${one.counted}</td>
  </tr>`;
}

/** Who has behaved how, from good to bad. */
function conduct(all: Verdict["conduct"]) {
  if (all.length === 0) return html`<p class="muted">No checker has committed to a report.</p>`;
  const kinds = new Map([...CONDUCTS.keys()].map((kind) => [kind, [] as string[]]));
  for (const [checker, kind] of all) {
    const those = kinds.get(kind);
    if (those === undefined) kinds.set(kind, [checker]);
    else those.push(checker);
  }
  return html`<dl class="conduct">
    ${[...kinds].map(([kind, those]) =>
      those.length === 0
        ? nothing
        : html`<dt>${CONDUCTS.get(kind) ?? (kind || "unknown")} <span class="muted">(${those.length})</span></dt>
            <dd>${those.map((checker) => html`${short(checker, 6)} `)}</dd>`,
    )}
  </dl>`;
}

function checkers(list: readonly Checker[]) {
  if (list.length === 0) return nothingThere("No checker is licensed in this epoch.");
  return table(
    "Checkers",
    ["Checker", "Owner", "Score", "From"],
    repeat(
      list,
      ({ address }, i) => address || i,
      (one) => html`<tr>
        <td data-name="Checker">${short(one.address, 6)}</td>
        <td data-name="Owner">${short(one.owner, 6)}</td>
        <td data-name="Score">${one.score.toFixed(2)} of 1</td>
        <td data-name="From">${one.tasks === 1 ? "1 task" : `${one.tasks} tasks`}</td>
      </tr>`,
    ),
  );
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

function when(instant: number) {
  return html`<time datetime=${iso(instant)} title=${at(instant)}>${ago(iso(instant))}</time>`;
}
