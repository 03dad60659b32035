import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Recorded } from "./api.js";
import { nothingThere, table } from "./tables.js";
import { ago, short } from "./words.js";

/** What acts are called (internal/store). */
const KINDS: ReadonlyMap<string, string> = new Map([
  ["lease-granted", "Lease granted"],
  ["lease-refused", "Lease refused"],
  ["lease-renewed", "Lease renewed"],
  ["lease-released", "Lease released"],
  ["edge-admitted", "Edge admitted"],
  ["edge-drained", "Edge drained"],
  ["drain-undone", "Drain undone"],
  ["node-drained", "Node drained"],
  ["session-ended", "Session ended"],
  ["banned", "Banned"],
  ["ban-lifted", "Ban lifted"],
  ["erased", "Person erased"],
]);

export interface AuditActs {
  session(id: string): void;
  edge(id: string): void;
}

/** The audit log, as it is on a page. Buttons leave the acts of one session, or of one edge. */
export function auditTable(
  acts: readonly Recorded[],
  filter: { readonly session: string; readonly edge: string },
  only: AuditActs,
) {
  if (acts.length === 0) {
    return nothingThere(
      filter.session === "" && filter.edge === "" ? "Nothing was done so far." : "Nothing was done about it.",
    );
  }
  return table(
    "Audit log, newest first",
    ["When", "Act", "By", "Detail", "Session", "Edge"],
    repeat(
      acts,
      ({ id }) => id,
      ({ kind, actor, detail, session = "", edge = "", at }) => html`<tr>
        <td data-name="When">${when(at)}</td>
        <td class="brief" data-name="Act">${KINDS.get(kind) ?? kind}</td>
        <td data-name="By">${actor === "" ? "—" : short(actor, 8)}</td>
        <td class="wide" data-name="Detail"><span class="detail">${detail || "—"}</span></td>
        <td data-name="Session">${session === "" ? "—" : short(session, 6)}</td>
        <td data-name="Edge">${edge === "" ? "—" : short(edge, 6)}</td>
        <td class="acts">
          ${
            session === "" || filter.session !== ""
              ? nothing
              : html`<button aria-label="Only acts of session ${session}" @click=${() => only.session(session)}>This session</button>`
          }
          ${
            edge === "" || filter.edge !== ""
              ? nothing
              : html`<button aria-label="Only acts of edge ${edge}" @click=${() => only.edge(edge)}>This edge</button>`
          }
        </td>
      </tr>`,
    ),
    true,
  );
}

/** When something was: the time of day first, since most of what is looked for was today. */
function when(at: string) {
  const read = new Date(at);
  if (Number.isNaN(read.getTime())) return at;
  return html`<time datetime=${at}>
    ${read.toLocaleTimeString()}<small>${read.toLocaleDateString()}, ${ago(at)}</small>
  </time>`;
}
