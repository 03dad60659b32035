/**
 * The player's half of the signaling protocol, "nearlight.v1": JSON messages over a WebSocket. The Go package signaling
 * holds the contract; both read the golden files in signaling/testdata.
 */
import { type ErrorInfo, PlayerError } from "../errors.js";

/** The WebSocket subprotocol; it names the version. */
export const SUBPROTOCOL = "nearlight.v1";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface App {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly keys: readonly { readonly keys: string; readonly does: string }[];
  readonly package: string;
  readonly installed: boolean;
}

export interface Candidate {
  readonly type: "candidate";
  /** Empty at the end of the list. */
  readonly candidate: string;
  readonly mid: string;
  readonly line: number;
}

/** By which key an edge will sign the connection. */
export interface EdgeKey {
  readonly address: string;
  /** Of the lease; 0 where there is none. */
  readonly epoch: number;
  /** What a studio's root has signed of the key: ADDRESS.SECONDS.SIGNATURE. */
  readonly endorsement?: string;
  /** The edge's, of its offer and whoever plays. */
  readonly signature?: string;
}

/** The player's signature of the connection. */
export interface PlayerKey {
  readonly address: string;
  readonly signature: string;
}

export type ToSignaling =
  | {
      readonly type: "play";
      readonly token: string;
      readonly app?: string;
      readonly size?: Size;
      readonly codecs: readonly string[];
      readonly resume?: string;
      /** With resume: the connection to the edge is still there. */
      readonly restart?: boolean;
      readonly watch?: string;
      /** Wait in line where every machine is in use, and go on with another where one ends. */
      readonly wait?: boolean;
      /** "measure" is answered. */
      readonly measures?: boolean;
    }
  /** Answers "measure", in milliseconds. */
  | { readonly type: "measured"; readonly round: number; readonly edges: readonly Probe[] }
  | { readonly type: "answer"; readonly sdp: string; readonly player?: PlayerKey }
  | Candidate
  | { readonly type: "check" }
  | { readonly type: "restart" }
  | { readonly type: "install"; readonly token: string; readonly app: string }
  | { readonly type: "leave" };

/** An edge to be measured. */
export interface ProbeTarget {
  readonly edge: string;
  /** Where its media port is: ADDRESS:PORT, [ADDRESS]:PORT of IPv6. */
  readonly at: readonly string[];
}

/** What was measured of one edge: round trips in milliseconds, in the order in which they came, and tries of which nothing came. */
export interface Probe {
  readonly edge: string;
  readonly roundTrips: readonly number[];
  readonly failed: number;
}

/** Asks how far some edges are, before one of them is given. */
export interface Measure {
  readonly type: "measure";
  readonly round: number;
  readonly edges: readonly ProbeTarget[];
}

export interface IceServer {
  readonly urls: string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface Matched {
  readonly type: "matched";
  readonly session: string;
  readonly edge: { readonly id: string; readonly name: string };
  readonly iceServers: readonly IceServer[];
  /** A token for others, good for looking on at the session and nothing else. */
  readonly share?: string;
  /** The edge is reached through a TURN server alone: neither side learns the other's address. */
  readonly relayOnly?: true;
  /** The edge's signed promise of a slot; where the token says whom to trust, its signature is checked. */
  readonly lease?: Lease;
}

/** The right to one slot of one edge for one session, as the edge has signed it. */
export interface Lease {
  /** Its address. */
  readonly edge: string;
  readonly slot: number;
  readonly epoch: number;
  readonly session: string;
  /** The session key that the token is for; left out where it is for any. */
  readonly player?: string;
  /** Names the token, and says nothing of it. */
  readonly token: string;
  /** Seconds since 1970; the edge renews it while its player is there. */
  readonly expiresAt: number;
  readonly signature: string;
}

/** How far a player is who waits in line. */
export interface Queued {
  readonly type: "queued";
  /** 1: the next one. */
  readonly position: number;
  readonly waiting: number;
  /** Seconds, by how long others waited lately; -1: nobody knows. */
  readonly estimate: number;
}

export interface Installing {
  readonly type: "installing";
  readonly app: string;
  readonly percent: number;
  readonly line: string;
  readonly done: boolean;
  readonly error?: ErrorInfo;
}

export type FromSignaling =
  | Measure
  | Matched
  | Queued
  | { readonly type: "moved"; readonly reason: ErrorInfo }
  | { readonly type: "progress"; readonly stage: "starting" | "connecting"; readonly detail: string }
  | {
      readonly type: "offer";
      readonly sdp: string;
      /** It is for the connection that stands; without it, for a new one. */
      readonly restart?: boolean;
      /** There where the edge can sign the connection. */
      readonly edge?: EdgeKey;
    }
  /** The edge's signature of the connection. */
  | { readonly type: "bound"; readonly signature: string }
  | Candidate
  | { readonly type: "unheard" }
  | { readonly type: "checked"; readonly edge: "alive" | "gone" }
  | Installing
  | { readonly type: "ended"; readonly reason: ErrorInfo; readonly output: readonly string[] }
  | { readonly type: "error"; readonly error: ErrorInfo };

// Bounds of what signaling may send, in octets of UTF-8 where nothing else is said; the Go package checks the same ones.
const MAX_DETAIL = 256;
const MAX_OUTPUT_LINES = 50;
const MAX_LINE = 512;
const MAX_TEXT = 512;
const MAX_ICE_SERVERS = 8;
const ICE_SCHEME = /^(stuns?|turns?):/;
const MAX_TARGETS = 8;
const MAX_TARGET_AT = 4;
const AT = /^([\d.]{7,15}|\[[\da-fA-F:.]{2,45}\]):[1-9]\d{0,4}$/;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const TOKEN = /^[!-~]{1,4096}$/;
const ADDRESS = /^0x[0-9A-Fa-f]{40}$/;
const SIGNATURE = /^0x[0-9a-f]{130}$/;
const ENDORSEMENT = /^[!-~]{1,256}$/;
const CODE = /^[a-z0-9-]{1,32}$/;

export function encode(message: ToSignaling): string {
  return JSON.stringify(message);
}

/** Reads one message. Unknown fields are ignored; an unknown type or a field of the wrong form throws "protocol". */
export function decode(text: string): FromSignaling {
  try {
    return read(record(JSON.parse(text)));
  } catch (cause) {
    throw PlayerError.of("protocol", cause);
  }
}

/** Reads the body of GET /api/apps. */
export function decodeApps(body: unknown): App[] {
  try {
    return list(record(body), "apps").map((entry) => app(record(entry)));
  } catch (cause) {
    throw PlayerError.of("protocol", cause);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function read(m: Fields): FromSignaling {
  const type = string(m, "type");
  switch (type) {
    case "matched": {
      const edge = record(m["edge"]);
      const share = optional(m, "share", "");
      return {
        type,
        session: matching(m, "session", ID),
        edge: { id: matching(edge, "id", ID), name: optional(edge, "name", "") },
        iceServers: list(m, "iceServers", MAX_ICE_SERVERS).map((entry) => iceServer(record(entry))),
        ...(share === "" ? {} : { share: matching(m, "share", TOKEN) }),
        ...(m["lease"] === undefined || m["lease"] === null ? {} : { lease: lease(record(m["lease"])) }),
        ...(optional(m, "relayOnly", false) ? { relayOnly: true } : {}),
      };
    }
    case "measure": {
      const edges = list(m, "edges", MAX_TARGETS).map((entry) => target(record(entry)));
      if (edges.length === 0 || new Set(edges.map(({ edge }) => edge)).size < edges.length)
        throw new TypeError("edges: none, or one twice");
      return { type, round: count(m, "round", 1), edges };
    }
    case "queued": {
      const position = count(m, "position", 1);
      return { type, position, waiting: count(m, "waiting", position), estimate: count(m, "estimate", -1) };
    }
    case "moved":
      return { type, reason: errorInfo(m["reason"]) };
    case "progress":
      return {
        type,
        stage: oneOf(string(m, "stage"), ["starting", "connecting"]),
        detail: bounded(optional(m, "detail", ""), MAX_DETAIL),
      };
    case "offer":
      return {
        type,
        sdp: string(m, "sdp"),
        ...(optional(m, "restart", false) ? { restart: true } : {}),
        ...(m["edge"] === undefined || m["edge"] === null ? {} : { edge: edgeKey(record(m["edge"])) }),
      };
    case "bound":
      return { type, signature: matching(m, "signature", SIGNATURE) };
    case "unheard":
      return { type };
    case "candidate":
      return {
        type,
        candidate: anyString(m["candidate"]),
        mid: optional(m, "mid", ""),
        line: optional(m, "line", 0),
      };
    case "checked":
      return { type, edge: oneOf(string(m, "edge"), ["alive", "gone"]) };
    case "installing": {
      const error = m["error"];
      return {
        type,
        app: string(m, "app"),
        percent: percent(optional(m, "percent", 0)),
        line: bounded(optional(m, "line", ""), MAX_LINE),
        done: optional(m, "done", false),
        ...(error === undefined || error === null ? {} : { error: errorInfo(error) }),
      };
    }
    case "ended":
      return {
        type,
        reason: errorInfo(m["reason"]),
        output: list(m, "output", MAX_OUTPUT_LINES).map((line) => bounded(anyString(line), MAX_LINE)),
      };
    case "error":
      return { type, error: errorInfo(m["error"]) };
    default:
      throw new TypeError(`unknown type ${JSON.stringify(type)}`);
  }
}

function target(m: Fields): ProbeTarget {
  const at = list(m, "at", MAX_TARGET_AT).map(anyString);
  if (at.length === 0 || !at.every((one) => AT.test(one))) throw new TypeError("at: not of the form ADDRESS:PORT");
  return { edge: matching(m, "edge", ID), at };
}

function lease(m: Fields): Lease {
  return {
    edge: matching(m, "edge", ADDRESS),
    slot: count(m, "slot", 0),
    epoch: count(m, "epoch", 0),
    session: matching(m, "session", ID),
    ...(m["player"] === undefined || m["player"] === null ? {} : { player: matching(m, "player", ADDRESS) }),
    token: matching(m, "token", ID),
    expiresAt: count(m, "expiresAt", 0),
    signature: matching(m, "signature", SIGNATURE),
  };
}

function app(m: Fields): App {
  return {
    name: string(m, "name"),
    title: optional(m, "title", "") || string(m, "name"),
    summary: optional(m, "summary", ""),
    keys: list(m, "keys").map((entry) => {
      const key = record(entry);
      return { keys: string(key, "keys"), does: string(key, "does") };
    }),
    package: optional(m, "package", ""),
    installed: optional(m, "installed", false),
  };
}

function edgeKey(m: Fields): EdgeKey {
  const epoch = optional(m, "epoch", 0);
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw new TypeError("epoch: not a number of leases");
  return {
    address: matching(m, "address", ADDRESS),
    epoch,
    ...(optional(m, "endorsement", "") === "" ? {} : { endorsement: matching(m, "endorsement", ENDORSEMENT) }),
    ...(optional(m, "signature", "") === "" ? {} : { signature: matching(m, "signature", SIGNATURE) }),
  };
}

function iceServer(m: Fields): IceServer {
  const urls = list(m, "urls").map((url) => {
    if (!ICE_SCHEME.test(anyString(url))) throw new TypeError("urls: neither stun nor turn");
    return anyString(url);
  });
  const username = optional(m, "username", "");
  const credential = optional(m, "credential", "");
  return {
    urls,
    ...(username === "" ? {} : { username }),
    ...(credential === "" ? {} : { credential }),
  };
}

function errorInfo(value: unknown): ErrorInfo {
  const m = record(value);
  return {
    code: matching(m, "code", CODE),
    message: bounded(string(m, "message"), MAX_TEXT),
    hint: bounded(optional(m, "hint", ""), MAX_TEXT),
    retryable: optional(m, "retryable", false),
  };
}

function record(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not an object");
  return value as Fields;
}

function anyString(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("not a string");
  return value;
}

function matching(m: Fields, key: string, form: RegExp): string {
  const value = string(m, key);
  if (!form.test(value)) throw new TypeError(`${key}: not of the form ${form.source}`);
  return value;
}

function bounded(value: string, octets: number): string {
  if (new TextEncoder().encode(value).length > octets) throw new TypeError(`longer than ${octets} octets`);
  return value;
}

function count(m: Fields, key: string, least: number): number {
  const value = m[key];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least)
    throw new TypeError(`${key}: not a whole number from ${least} on`);
  return value;
}

function percent(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 100) throw new TypeError("percent: not from 0 to 100");
  return value;
}

function string(m: Fields, key: string): string {
  const value = m[key];
  if (typeof value !== "string" || value === "") throw new TypeError(`${key}: not a string, or empty`);
  return value;
}

/** The field, or fallback where it is absent or null; a value of another type throws. */
function optional(m: Fields, key: string, fallback: string): string;
function optional(m: Fields, key: string, fallback: number): number;
function optional(m: Fields, key: string, fallback: boolean): boolean;
function optional(m: Fields, key: string, fallback: unknown): unknown {
  const value = m[key] ?? fallback;
  if (typeof value !== typeof fallback) throw new TypeError(`${key}: not a ${typeof fallback}`);
  return value;
}

/** Go writes an empty list as null or leaves it out. */
function list(m: Fields, key: string, most = Number.POSITIVE_INFINITY): readonly unknown[] {
  const value = m[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > most) throw new TypeError(`${key}: not a list, or too long`);
  return value;
}

function oneOf<const T extends string>(value: string, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) throw new TypeError(`${JSON.stringify(value)} is none of ${allowed.join(", ")}`);
  return value as T;
}
