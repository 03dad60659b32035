import type { CheckedEdge, Claim, Due, Finding } from "./checks.js";

/** What an edge's state is called, what it means, and how it looks. The states are those of checker/life. */
export interface StateWords {
  readonly name: string;
  readonly means: string;
  readonly style: "good" | "warn" | "bad" | "";
}

const STATES: ReadonlyMap<string, StateWords> = new Map([
  ["enrolling", { name: "enrolling", means: "Has yet to show its GPU, encoder and frame rate. No players.", style: "" }],
  ["probation", { name: "on probation", means: "New, or back from jail or a long outage: few players.", style: "warn" }],
  ["standby", { name: "standby", means: "Waits for players.", style: "good" }],
  ["streaming", { name: "streaming", means: "Has players.", style: "good" }],
  ["draining", { name: "draining", means: "Its owner lets what runs end. Takes nothing new.", style: "warn" }],
  ["on-leave", { name: "on leave", means: "Announced by its owner: not checked, and nothing is held against it.", style: "" }],
  ["briefly-away", { name: "briefly away", means: "Not seen for 2 minutes. No players until it is.", style: "bad" }],
  ["long-away", { name: "long away", means: "Not seen for 15 minutes, which counts as a failed check.", style: "bad" }],
  ["gone", { name: "gone", means: "Not seen for a day. Is enrolled anew when it comes back.", style: "bad" }],
  ["jailed", { name: "jailed", means: "Shut out for a time, after too many failed checks.", style: "bad" }],
  ["retired", { name: "retired", means: "Taken out by its owner.", style: "" }],
  ["banned", { name: "banned", means: "Its owner has revoked its key, for good.", style: "bad" }],
]);

export function stateWords(state: string): StateWords {
  return STATES.get(state) ?? { name: state || "unknown", means: "", style: "" };
}

/** What each conduct of a checker is, from good to bad (checker/committee). */
export const CONDUCTS: ReadonlyMap<string, string> = new Map([
  ["agreed", "Agreed with what was found"],
  ["silent", "Silent: committed, and revealed nothing"],
  ["disagreed", "Disagreed with what was found"],
  ["copied", "Copied: the report was not measured apart from another’s"],
  ["fabricated", "Fabricated: revealed another report than committed to, or one that answers nothing"],
  ["contradicted", "Contradicted itself: signed two commitments to one task"],
]);

/** A length of time, "minute" or "4 h", as it follows "each". */
export function each(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes === 1) return "minute";
  if (minutes === 60) return "hour";
  if (minutes >= 60 && minutes % 60 === 0) return `${minutes / 60}\u00a0h`;
  return minutes >= 1 ? `${Math.round(minutes)}\u00a0min` : `${Math.round(ms / 1000)}\u00a0s`;
}

/** When a check is done next. */
export function dueWords({ every, mean, from, appeal, unset }: Due, now: number): string {
  if (unset !== "") return `is not done: ${unset}`;
  if (appeal !== "") return "once more, on appeal";
  if (every > 0) return `each ${each(every)}`;
  if (mean > 0) return `at random, each ${each(mean)} on average`;
  if (from > now) return `from ${at(from)} on`;
  return "due now";
}

/** How much of a score is known, and between what it would be if all the rest were bad, or good. */
export function known({ score, confidence }: CheckedEdge): { percent: number; low: number; high: number } {
  const open = (1000 - confidence) / 2;
  return {
    percent: Math.round(confidence / 10),
    low: Math.max(0, Math.round(score - open)),
    high: Math.min(1000, Math.round(score + open)),
  };
}

export function shareWords(share: number): string {
  if (share >= 1000) return "all matches";
  if (share <= 0) return "no players";
  return `${share / 10}\u00a0% of matches`;
}

/** Degrees with the side that they are on, "35.7° N, 139.7° E". */
function degrees({ latitude, longitude, within }: Claim): string {
  const side = (of: number, plus: string, minus: string) => `${Math.abs(of)}°\u00a0${of < 0 ? minus : plus}`;
  const place = `${side(latitude, "N", "S")}, ${side(longitude, "E", "W")}`;
  return within === 0 ? place : `${place}, within ${within}\u00a0km`;
}

export interface PlaceWords {
  readonly claimed: string;
  readonly said: string;
  readonly style: StateWords["style"];
  /** By what, and of what if that is not what is claimed now. */
  readonly means: string;
}

/** Where an edge says that it is, and what checkers make of it. */
export function placeWords({ claim, located }: CheckedEdge): PlaceWords {
  const claimed = claim === null ? "no place claimed" : degrees(claim);
  if (located === null) return { claimed, said: "nobody can say", style: "", means: "" };
  const { reports, liars, excluding, beyond, consistency } = located;
  if (!located.impossible)
    return { claimed, said: "possible", style: "good", means: `By ${reports} reports; ${consistency} of 1000 consistent.` };
  const now = claim !== null && degrees(claim) === degrees(located.claim);
  return {
    claimed,
    said: `impossible: too far by ${beyond}\u00a0km from ${liars + 1} checkers`,
    style: "bad",
    means:
      (now ? "" : `Of ${degrees(located.claim)}, which it claimed before; nobody has looked since. `) +
      `${excluding} of ${reports} reports exclude it, of which ${liars} may be lies. Matching ignores its claim.`,
  };
}

/** What was found about a question. */
export function measured({ figure, for: yes, against, counted, unit, decided }: Finding): string {
  if (counted === 0 || (!decided && yes + against === 0)) return "nothing that counts";
  if (yes + against > 0) return `${yes} say yes, ${against} no`;
  const amount = String(Number(figure.toPrecision(4)));
  return unit === "" ? amount : `${amount}\u00a0${unit}`;
}

/** What is required, in the unit of what was measured. */
export function requiredWords({ required, unit, for: yes, against }: Finding): string {
  return unit === "" || yes + against > 0 ? required : `${required}\u00a0${unit}`;
}

export function outcome({ decided, met }: Finding): { name: string; style: StateWords["style"] } {
  if (!decided) return { name: "undecided", style: "warn" };
  return met ? { name: "met", style: "good" } : { name: "not met", style: "bad" };
}

const RESULTS: ReadonlyMap<string, StateWords["style"]> = new Map([
  ["passed", "good"],
  ["failed", "bad"],
  ["undecided", "warn"],
]);

export function resultStyle(result: string): StateWords["style"] {
  return RESULTS.get(result) ?? "";
}

/** An instant as a clock of the reader's shows it. */
export function at(instant: number): string {
  return new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
