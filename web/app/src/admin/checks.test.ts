import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { auditTable } from "./audit.js";
import { readChecks } from "./checks.js";
import { checksView } from "./checkviews.js";
import { CONDUCTS, dueWords, each, known, measured, placeWords, shareWords, stateWords } from "./checkwords.js";

/** What is escaped by whoever renders a template: its values. The rest is ours. */
const escaped = (value: string) =>
  value.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

/** A template as the page it becomes, without a browser: what lit writes as text and attributes, and none of its listeners. */
function page(of: unknown): string {
  if (of === null || of === undefined || typeof of === "symbol" || typeof of === "function") return "";
  if (Array.isArray(of)) return of.map(page).join("");
  if (typeof of !== "object") return escaped(String(of));
  const {
    strings,
    values,
    _$litDirective$: directive,
  } = of as {
    strings?: readonly string[];
    values?: readonly unknown[];
    _$litDirective$?: unknown;
  };
  if (directive !== undefined) {
    const [items, key, template] = values as [unknown[], unknown, (one: unknown, i: number) => unknown];
    const row = template ?? (key as typeof template);
    return items.map((item, i) => page(row(item, i))).join("");
  }
  if (strings === undefined || values === undefined) return "";
  return strings.map((text, i) => text + page(values[i])).join("");
}

const words = (of: unknown) =>
  page(of)
    .replace(/<[^>]*>/g, " ")
    .replaceAll("\u00a0", " ")
    .replace(/\s+/g, " ");

const NOW = Date.parse("2025-11-27T20:00:00Z");
const EDGE = `0x${"e1".repeat(20)}`;
const CHECKERS = ["a", "b", "c", "d"].map((letter) => `0x${letter.repeat(40)}`);

const ANSWER = {
  ...{ epoch: 4, seats: 5, minimum: 3, uncapped: true, entries: 120, previous: `0x${"0".repeat(64)}` },
  edges: [
    {
      ...{ address: EDGE, name: "Berlin", present: true, state: "probation", score: 700, confidence: 500, share: 50, owed: 7 },
      due: [
        { check: "capacity", mean: 3_600_000 },
        { check: "alive", every: 60_000 },
        { check: "experience", every: 60_000, unset: "there are no tokens in stock" },
      ],
    },
  ],
  checkers: [{ address: CHECKERS[0], owner: CHECKERS[1], score: 0.52, tasks: 3 }],
  open: [
    {
      ...{ task: "0x03", edge: EDGE, check: "capacity", at: NOW - 5000, commitBy: NOW + 20_000, revealBy: NOW + 40_000 },
      ...{ commitments: 4, reports: 0 },
    },
  ],
  verdicts: [
    {
      ...{ task: "0x02", edge: EDGE, check: "enrolment", at: NOW - 90_000, decided: NOW - 30_000, result: "failed" },
      notice: "It can be enrolled from 20:10 on.",
      findings: [
        {
          question: "delay",
          decided: true,
          met: false,
          figure: 25.7512,
          for: 0,
          against: 0,
          counted: 4,
          required: "at most 12",
          unit: "ms",
        },
        { question: "plays", decided: true, met: true, figure: 0, for: 3, against: 1, counted: 4, required: "yes" },
        {
          question: "detail",
          decided: false,
          met: false,
          figure: 0,
          for: 0,
          against: 0,
          counted: 2,
          required: "at least 0.34",
        },
      ],
      conduct: Object.fromEntries(CHECKERS.map((checker, i) => [checker, ["agreed", "silent", "disagreed", "fabricated"][i]])),
    },
  ],
};

const shown = (answer: unknown, filtered = false) => checksView(readChecks(answer), filtered, NOW);

test("what checkers have found is told in words", () => {
  const told = words(shown(ANSWER));
  for (const part of [
    "All checkers may be of one owner here: this network runs on one machine, so its verdicts prove nothing to others.",
    "nearlight checker verify LOG comes to the same",
    "/checks/epochs/4 of signaling’s own address",
    "on probation New, or back from jail or a long outage: few players. 7 more checks of capacity to be passed",
    "700 of 1000 50 % known: 450 to 950",
    "5 % of matches",
    "capacity at random, each hour on average",
    "alive each minute",
    "experience is not done: there are no tokens in stock",
    "measured, for 20 s more",
    "failed enrolment of Berlin",
    "It can be enrolled from 20:10 on.",
    "delay 25.75 ms at most 12 ms not met 4",
    "plays 3 say yes, 1 no yes met 4",
    "detail nothing that counts at least 0.34 undecided 2",
    "Agreed with what was found (1)",
    "Silent: committed, and revealed nothing (1)",
    "Disagreed with what was found (1)",
    "Fabricated: revealed another report than committed to, or one that answers nothing (1)",
    "0.52 of 1 3 tasks",
  ]) {
    expect(told).toContain(part);
  }
  expect(words(shown({ ...ANSWER, uncapped: false }))).not.toContain("prove nothing");
});

test("what is not there yet is told too", () => {
  const told = words(shown({}));
  for (const part of ["No edge was checked so far", "Nothing was decided in this epoch so far", "No checker is licensed"]) {
    expect(told).toContain(part);
  }
  expect(told).not.toContain("Being decided");
  expect(words(shown({}, true))).toContain("No edge is like that");
});

test("markup in names and words stays text", () => {
  const evil = '<img src=x onerror="alert(1)">';
  const edge = { ...ANSWER.edges[0], name: evil, state: evil, due: [{ check: evil, every: 1 }] };
  const verdict = { ...ANSWER.verdicts[0], check: evil, result: evil, notice: evil, conduct: { [evil]: evil } };
  const told = page(
    shown({ ...ANSWER, edges: [edge], verdicts: [{ ...verdict, findings: [{ question: evil, required: evil, unit: evil }] }] }),
  );
  expect(told).not.toContain("<img");
  expect(told).toContain("&lt;img");
});

test.each([
  null,
  [],
  "no object",
  { edges: null, verdicts: "none", checkers: {}, open: 7, left: [] },
  { edges: [null, 3, {}], checkers: [[]], open: [{}], verdicts: [{}, { findings: [null], conduct: [1] }] },
  {
    epoch: -1,
    entries: -1e308,
    edges: [{ score: 1e9, confidence: -5, share: "all", due: [{ every: Number.NaN, from: 1e300 }] }],
  },
  {
    verdicts: [{ at: 1e300, decided: -1, findings: [{ figure: Infinity, counted: 1, decided: true }] }],
    open: [{ revealBy: 1e308 }],
  },
])("what is missing, or something else than it should be, breaks nothing: %j", (answer) => {
  expect(words(shown(answer))).toContain("Epoch 0");
});

test("whatever an answer is made of, it can be shown", () => {
  let seed = 7;
  const below = (n: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff; // a generator of C's standard, the same each time
    return (seed >> 8) % n;
  };
  const junk = [null, true, -1, 1e308, 0.5, "", "constructor", "__proto__", [], {}, [[]], { length: 3 }];
  const spoilt = (of: unknown): unknown => {
    if (below(12) === 0) return junk[below(junk.length)];
    if (Array.isArray(of)) return of.map(spoilt);
    if (typeof of !== "object" || of === null) return of;
    return Object.fromEntries(Object.entries(of).flatMap(([name, value]) => (below(12) === 0 ? [] : [[name, spoilt(value)]])));
  };
  for (let i = 0; i < 500; i++) expect(words(shown(spoilt(ANSWER)))).toMatch(/Epoch \d+, \d+ entries so far/);
});

test("lists and words without end are cut, and said to be", () => {
  const long = "x".repeat(100_000);
  const answer = readChecks({
    edges: Array.from({ length: 2000 }, () => ({ name: long, due: Array(1000).fill({}) })),
    checkers: Array(2000).fill({}),
    open: Array(2000).fill({}),
    verdicts: Array(2000).fill({
      ...{ notice: long, findings: Array(1000).fill({}) },
      conduct: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`0x${i}`, "agreed"])),
    }),
    left: { edges: 5, verdicts: 7 },
  });
  expect([answer.edges, answer.checkers, answer.open, answer.verdicts].map((list) => list.length)).toEqual([
    1000, 1000, 100, 100,
  ]);
  expect(answer.left).toEqual({ edges: 1005, checkers: 1000, open: 1900, verdicts: 1907 });
  expect(answer.edges[0]?.name.length).toBe(257);
  expect(answer.edges[0]?.due.length).toBe(16);
  expect(answer.verdicts[0]?.findings.length).toBe(32);
  expect(answer.verdicts[0]?.conduct.length).toBe(128);
  expect(words(checksView(answer, false, NOW))).toContain("Left out here: 1907 older verdicts");
  expect(words(checksView(answer, false, NOW))).toContain("Left out here: 372 checkers");
});

test("a score's bounds are what it would be with the rest all bad, or all good", () => {
  const [edge] = readChecks(ANSWER).edges;
  if (edge === undefined) throw new Error("no edge");
  expect(known(edge)).toEqual({ percent: 50, low: 450, high: 950 });
  expect(known({ ...edge, score: 500, confidence: 0 })).toEqual({ percent: 0, low: 0, high: 1000 });
  expect(known({ ...edge, score: 953, confidence: 1000 })).toEqual({ percent: 100, low: 953, high: 953 });
  expect(known({ ...edge, score: 990, confidence: 0 })).toEqual({ percent: 0, low: 490, high: 1000 });
});

test("lengths, shares and times are told in few words", () => {
  expect([60_000, 3_600_000, 14_400_000, 600_000, 1_800_000, 90_500, 5000].map(each)).toEqual(
    ["minute", "hour", "4 h", "10 min", "30 min", "2 min", "5 s"].map((text) => text.replace(" ", "\u00a0")),
  );
  expect([0, 50, 125, 1000].map(shareWords)).toEqual([
    "no players",
    "5\u00a0% of matches",
    "12.5\u00a0% of matches",
    "all matches",
  ]);
  const due = { check: "enrolment", from: 0, every: 0, mean: 0, appeal: "", unset: "" };
  expect(dueWords(due, NOW)).toBe("due now");
  expect(dueWords({ ...due, from: NOW + 1 }, NOW)).toMatch(/^from .+ on$/);
  expect(dueWords({ ...due, appeal: "0x01", mean: 5 }, NOW)).toBe("once more, on appeal");
});

test("figures have no more digits than anybody measures", () => {
  const finding = { question: "q", decided: true, met: true, for: 0, against: 0, counted: 4, required: "" };
  expect(measured({ ...finding, figure: 0.1 + 0.2, unit: "" })).toBe("0.3");
  expect(measured({ ...finding, figure: 59.94006, unit: "frames/s" })).toBe("59.94\u00a0frames/s");
  expect(measured({ ...finding, figure: 0, unit: "ms" })).toBe("0\u00a0ms");
});

test("where an edge is, is told in one column: what it claims, and what checkers make of it", () => {
  const frankfurt = { latitude: 50.1, longitude: 8.7 };
  const rio = { latitude: -22.9, longitude: -43.2, within: 25 };
  const impossible = {
    claim: rio,
    at: NOW,
    reports: 16,
    liars: 5,
    excluding: 11,
    impossible: true,
    beyond: 8134,
    consistency: 40,
  };
  const possible = { claim: frankfurt, at: NOW, reports: 16, liars: 5, consistency: 712 };
  const told = (claim: unknown, located: unknown) => {
    const [edge] = readChecks({ edges: [{ claim, located }] }).edges;
    if (edge === undefined) throw new Error("no edge");
    const { claimed, said, style, means } = placeWords(edge);
    return [claimed, said, style, means].join("|").replaceAll("\u00a0", " ");
  };
  expect(told(undefined, undefined)).toBe("no place claimed|nobody can say||");
  expect(told(frankfurt, undefined)).toBe("50.1° N, 8.7° E|nobody can say||");
  expect(told(frankfurt, possible)).toBe("50.1° N, 8.7° E|possible|good|By 16 reports; 712 of 1000 consistent.");
  expect(told(rio, impossible)).toBe(
    "22.9° S, 43.2° W, within 25 km|impossible: too far by 8134 km from 6 checkers|bad|" +
      "11 of 16 reports exclude it, of which 5 may be lies. Matching ignores its claim.",
  );
  for (const later of [frankfurt, undefined])
    expect(told(later, impossible)).toContain(
      "Of 22.9° S, 43.2° W, within 25 km, which it claimed before; nobody has looked since.",
    );
  for (const odd of [
    null,
    7,
    [],
    {},
    { latitude: 91, longitude: 0 },
    { latitude: Number.NaN, longitude: 0 },
    { latitude: "1", longitude: 2 },
  ]) {
    expect(told(odd, { ...impossible, claim: odd })).toBe("no place claimed|nobody can say||");
  }
  const shownIn = words(shown({ ...ANSWER, edges: [{ ...ANSWER.edges[0], claim: rio, located: impossible }] }));
  expect(shownIn).toContain("22.9° S, 43.2° W, within 25 km impossible: too far by 8134 km from 6 checkers");
  expect(words(shown(ANSWER))).toContain("no place claimed nobody can say");
});

test("there are words for each state and each conduct that the API knows", () => {
  const document = readFileSync(new URL("../../../../docs/openapi.yaml", import.meta.url), "utf8");
  const enumerated = (first: string) =>
    new RegExp(`enum: \\[(${first},[^\\]]*)\\]`)
      .exec(document)?.[1]
      ?.split(",")
      .map((name) => name.trim()) ?? [];
  const states = enumerated("enrolling");
  expect(states).toHaveLength(12);
  for (const state of states) expect(stateWords(state).means, state).not.toBe("");
  expect(stateWords("constructor").name).toBe("constructor");
  expect([...CONDUCTS.keys()]).toEqual(enumerated("agreed"));
});

test("the audit log says who did what, and markup in it stays text", () => {
  const acts = [
    {
      id: "a-1",
      kind: "edge-drained",
      actor: "ada",
      edge: "e-1",
      detail: "e-1: a <b>new</b> disk",
      at: "2030-01-01T00:00:00Z",
    },
    { id: "a-2", kind: "something-new", actor: "", session: "s-1", detail: "", at: "no time" },
  ];
  const only = { session: () => {}, edge: () => {} };
  const told = page(auditTable(acts, { session: "", edge: "" }, only));
  expect(told).toContain("a &lt;b&gt;new&lt;/b&gt; disk");
  const plain = told.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
  for (const part of ["Edge drained", "ada", "something-new", "no time", "This edge", "This session"])
    expect(plain).toContain(part);
  expect(page(auditTable(acts, { session: "s-1", edge: "e-1" }, only))).not.toMatch(/This (edge|session)</);
  expect(words(auditTable([], { session: "", edge: "" }, only))).toContain("Nothing was done so far");
  expect(words(auditTable([], { session: "s", edge: "" }, only))).toContain("Nothing was done about it");
});
