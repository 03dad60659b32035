/** What checkers have found about edges (docs/openapi.yaml, Checks). Instants and lengths are in milliseconds. */

export interface Due {
  readonly check: string;
  readonly from: number;
  readonly every: number;
  readonly mean: number;
  readonly appeal: string;
  /** Why it is not set although it is due. */
  readonly unset: string;
}

/** Where an edge says that it is, in degrees north and east. */
export interface Claim {
  readonly latitude: number;
  readonly longitude: number;
  /** Kilometres by which it may be wrong. */
  readonly within: number;
}

/** What round trips say of a claim. */
export interface Located {
  readonly claim: Claim;
  readonly reports: number;
  readonly liars: number;
  readonly excluding: number;
  readonly impossible: boolean;
  readonly beyond: number;
  readonly consistency: number;
}

export interface CheckedEdge {
  readonly address: string;
  readonly name: string;
  readonly present: boolean;
  readonly state: string;
  readonly score: number;
  readonly confidence: number;
  readonly share: number;
  readonly owed: number;
  readonly due: readonly Due[];
  readonly claim: Claim | null;
  readonly located: Located | null;
}

export interface Checker {
  readonly address: string;
  readonly owner: string;
  readonly score: number;
  readonly tasks: number;
}

export interface OpenTask {
  readonly task: string;
  readonly edge: string;
  readonly check: string;
  readonly at: number;
  readonly commitBy: number;
  readonly revealBy: number;
  readonly commitments: number;
  readonly reports: number;
}

export interface Finding {
  readonly question: string;
  readonly decided: boolean;
  readonly met: boolean;
  readonly figure: number;
  readonly for: number;
  readonly against: number;
  readonly counted: number;
  readonly required: string;
  readonly unit: string;
}

export interface Verdict {
  readonly task: string;
  readonly edge: string;
  readonly check: string;
  readonly at: number;
  readonly decided: number;
  readonly result: string;
  readonly notice: string;
  readonly findings: readonly Finding[];
  /** How each checker that committed has behaved: its address, and a word. */
  readonly conduct: readonly (readonly [checker: string, conduct: string])[];
  /** How many of them are not here. */
  readonly more: number;
}

export interface Checks {
  readonly epoch: number;
  readonly seats: number;
  readonly minimum: number;
  readonly uncapped: boolean;
  readonly entries: number;
  readonly previous: string;
  readonly edges: readonly CheckedEdge[];
  readonly checkers: readonly Checker[];
  readonly open: readonly OpenTask[];
  readonly verdicts: readonly Verdict[];
  /** How many of each list are not here. */
  readonly left: { readonly edges: number; readonly checkers: number; readonly open: number; readonly verdicts: number };
}

/** Bounds of what is shown: those of the API, and twice what a committee has (57 seats on average, a dozen questions). */
const MOST = { edges: 1000, verdicts: 100, due: 16, findings: 32, conduct: 128, label: 256, notice: 4000 } as const;

/** The last instant that a Date can have. */
const LAST = 8.64e15;

/**
 * Reads the answer. Names, words and figures in it come from edges and checkers, by whatever node was asked: what is missing or of
 * another type becomes nothing, and what is too long is cut, so that whoever shows it need not ask.
 */
export function readChecks(answer: unknown): Checks {
  const all = fields(answer);
  const left = fields(all["left"]);
  const edges = list(all["edges"], MOST.edges, readEdge);
  const checkers = list(all["checkers"], MOST.edges, readChecker);
  const open = list(all["open"], MOST.verdicts, readTask);
  const verdicts = list(all["verdicts"], MOST.verdicts, readVerdict);
  const rest = (name: string, shown: number) => count(left[name]) + Math.max(0, length(all[name]) - shown);
  return {
    epoch: count(all["epoch"]),
    seats: count(all["seats"]),
    minimum: count(all["minimum"]),
    uncapped: all["uncapped"] === true,
    entries: count(all["entries"]),
    previous: label(all["previous"]),
    edges,
    checkers,
    open,
    verdicts,
    left: {
      edges: rest("edges", edges.length),
      checkers: rest("checkers", checkers.length),
      open: rest("open", open.length),
      verdicts: rest("verdicts", verdicts.length),
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function readEdge(edge: Fields): CheckedEdge {
  return {
    address: label(edge["address"]),
    name: label(edge["name"]),
    present: edge["present"] === true,
    state: label(edge["state"]),
    score: Math.min(count(edge["score"]), 1000),
    confidence: Math.min(count(edge["confidence"]), 1000),
    share: Math.min(count(edge["share"]), 1000),
    owed: count(edge["owed"]),
    due: list(edge["due"], MOST.due, (due) => ({
      check: label(due["check"]),
      from: instant(due["from"]),
      every: count(due["every"]),
      mean: count(due["mean"]),
      appeal: label(due["appeal"]),
      unset: label(due["unset"]),
    })),
    claim: readClaim(edge["claim"]),
    located: readLocated(edge["located"]),
  };
}

/** A place that is none, or is not on the Earth, is null. */
function readClaim(value: unknown): Claim | null {
  const { latitude, longitude, within } = fields(value);
  const degrees = (of: unknown, most: number) => typeof of === "number" && Math.abs(of) <= most;
  if (!degrees(latitude, 90) || !degrees(longitude, 180)) return null;
  return { latitude: number(latitude), longitude: number(longitude), within: count(within) };
}

function readLocated(value: unknown): Located | null {
  const located = fields(value);
  const claim = readClaim(located["claim"]);
  if (claim === null) return null;
  return {
    claim,
    reports: count(located["reports"]),
    liars: count(located["liars"]),
    excluding: count(located["excluding"]),
    impossible: located["impossible"] === true,
    beyond: count(located["beyond"]),
    consistency: Math.min(count(located["consistency"]), 1000),
  };
}

function readChecker(checker: Fields): Checker {
  return {
    address: label(checker["address"]),
    owner: label(checker["owner"]),
    score: Math.min(Math.max(number(checker["score"]), 0), 1),
    tasks: count(checker["tasks"]),
  };
}

function readTask(task: Fields): OpenTask {
  return {
    task: label(task["task"]),
    edge: label(task["edge"]),
    check: label(task["check"]),
    at: instant(task["at"]),
    commitBy: instant(task["commitBy"]),
    revealBy: instant(task["revealBy"]),
    commitments: count(task["commitments"]),
    reports: count(task["reports"]),
  };
}

function readVerdict(verdict: Fields): Verdict {
  const conduct = Object.entries(fields(verdict["conduct"]));
  return {
    task: label(verdict["task"]),
    edge: label(verdict["edge"]),
    check: label(verdict["check"]),
    at: instant(verdict["at"]),
    decided: instant(verdict["decided"]),
    result: label(verdict["result"]),
    notice: text(verdict["notice"], MOST.notice),
    findings: list(verdict["findings"], MOST.findings, (finding) => ({
      question: label(finding["question"]),
      decided: finding["decided"] === true,
      met: finding["met"] === true,
      figure: number(finding["figure"]),
      for: count(finding["for"]),
      against: count(finding["against"]),
      counted: count(finding["counted"]),
      required: label(finding["required"]),
      unit: label(finding["unit"]),
    })),
    conduct: conduct.slice(0, MOST.conduct).map(([checker, how]) => [label(checker), label(how)]),
    more: Math.max(0, conduct.length - MOST.conduct),
  };
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function length(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function list<T>(value: unknown, most: number, read: (one: Fields) => T): T[] {
  return Array.isArray(value) ? value.slice(0, most).map((one) => read(fields(one))) : [];
}

function text(value: unknown, most: number): string {
  return typeof value !== "string" ? "" : value.length <= most ? value : `${value.slice(0, most)}…`;
}

function label(value: unknown): string {
  return text(value, MOST.label);
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** A whole number that is not negative. */
function count(value: unknown): number {
  return Math.min(Math.max(Math.floor(number(value)), 0), Number.MAX_SAFE_INTEGER);
}

function instant(value: unknown): number {
  return Math.min(count(value), LAST);
}
