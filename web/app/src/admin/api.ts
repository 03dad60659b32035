import { type Checks, readChecks } from "./checks.js";

/** The operator's API of signaling (docs/openapi.yaml), as far as the console asks it. */

export type EdgeState = "open" | "full" | "draining" | "silent";

export interface Order {
  readonly kind: "drain-edge" | "ban-edge" | "ban-key" | "ban-token";
  readonly target: string;
  readonly reason: string;
  readonly by: string;
  readonly at: string;
  readonly until?: string;
}

/** What checkers make of an edge, and so what players it is given. */
export interface Standing {
  readonly state: "accepting" | "checking" | "draining" | "silent" | "jailed" | "leaving";
  /** Of 1000 matches in which it may be a candidate. */
  readonly share: number;
  readonly score: number;
  readonly words: string;
}

export interface Picture {
  readonly codec: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly frameRate: number;
}

export interface Edge {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly state: EdgeState;
  readonly slots: number;
  readonly free: number;
  readonly codecs: readonly string[];
  readonly pictures: readonly Picture[];
  readonly apps: readonly string[];
  readonly since: string;
  readonly drain?: Order;
  /** Missing where nobody checks. */
  readonly standing?: Standing;
}

export interface Quality {
  readonly framesPerSecond?: number;
  readonly bitsPerSecond?: number;
  readonly freezesPerMinute?: number;
  readonly lossRatio?: number;
  readonly roundTripP50?: number;
  readonly roundTripP95?: number;
  readonly glassP50?: number;
  readonly glassP95?: number;
}

export interface Session {
  readonly id: string;
  readonly app: string;
  readonly edge: string;
  readonly node: string;
  readonly watches?: string;
  readonly phase: string;
  readonly player: "connected" | "away";
  readonly token: string;
  readonly key?: string;
  readonly begun: string;
  readonly spectators: number;
  /** A checker has it, not a player. */
  readonly checks?: boolean;
  readonly quality?: Quality;
}

export interface Waiting {
  readonly node: string;
  readonly position: number;
  readonly since: string;
  readonly app: string;
  readonly estimate: number;
  readonly token: string;
}

export interface Node {
  readonly id: string;
  readonly self: boolean;
  readonly draining: boolean;
  readonly heard: string;
  readonly edges: number;
  readonly waiting: number;
}

export interface Cluster {
  readonly nodes: readonly Node[];
  readonly connected: boolean;
  readonly ready: boolean;
  readonly kept: boolean;
}

export interface Reason {
  readonly edge: string;
  readonly place?: number;
  readonly demand?: string;
  readonly score?: number;
  readonly share?: number;
  /** What checkers say of the edge. */
  readonly standing?: string;
  readonly words: string;
}

export interface Explanation {
  readonly refused?: { readonly message: string; readonly hint: string };
  readonly ranked: readonly Reason[];
  readonly edges: number;
  readonly eligible: number;
  readonly unmet: readonly { readonly demand: string; readonly edges: number; readonly words: string }[];
  readonly named: readonly Reason[];
}

export interface Explained {
  readonly session?: Session;
  readonly now: boolean;
  readonly explanation: Explanation;
}

/** An entry of the audit log. */
export interface Recorded {
  readonly id: string;
  readonly kind: string;
  readonly actor: string;
  readonly session?: string;
  readonly edge?: string;
  readonly detail: string;
  readonly at: string;
}

/** What the node that was asked does not keep, and why. */
export interface Absent {
  readonly absent: string;
}

export interface Page<T> {
  readonly list: readonly T[];
  readonly next: string;
  readonly silent: readonly string[];
}

/** Why a request failed, in words for the operator. */
export class Refusal extends Error {
  readonly status: number;
  readonly hint: string;

  constructor(status: number, message: string, hint = "") {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

type Query = Readonly<Record<string, string | readonly string[]>>;

/** Asks with one operator's token. */
export class Api {
  readonly #token: string;
  readonly #fetch: typeof fetch;

  constructor(token: string, ask: typeof fetch = (...request) => fetch(...request)) {
    this.#token = token;
    this.#fetch = ask;
  }

  cluster(): Promise<Cluster> {
    return this.#get("cluster");
  }

  async edges(query: Query): Promise<Page<Edge>> {
    const { edges, next = "" } = await this.#get<{ edges: Edge[]; next?: string }>("edges", query);
    return { list: edges, next, silent: [] };
  }

  async sessions(query: Query): Promise<Page<Session>> {
    const {
      sessions,
      next = "",
      silent = [],
    } = await this.#get<{ sessions: Session[]; next?: string; silent?: string[] }>("sessions", query);
    return { list: sessions, next, silent };
  }

  async queue(): Promise<Page<Waiting>> {
    const { waiting, silent = [] } = await this.#get<{ waiting: Waiting[]; silent?: string[] }>("queue");
    return { list: waiting, next: "", silent };
  }

  async orders(): Promise<Page<Order>> {
    const { orders } = await this.#get<{ orders: Order[] }>("orders");
    return { list: orders, next: "", silent: [] };
  }

  /** The audit log, the newest acts first. */
  acts(query: Query): Promise<Page<Recorded> | Absent> {
    return kept(async () => {
      const { acts, next = "" } = await this.#get<{ acts: Recorded[]; next?: string }>("acts", { ...query, order: "newest" });
      return { list: acts, next, silent: [] };
    });
  }

  checks(query: Query): Promise<Checks | Absent> {
    return kept(async () => readChecks(await this.#get<unknown>("checks", query)));
  }

  explainSession(session: string, edges: readonly string[]): Promise<Explained> {
    return this.#get(`sessions/${encodeURIComponent(session)}/explain`, { edge: edges });
  }

  explain(query: Query): Promise<Explained> {
    return this.#get("explain", query);
  }

  /** Does what an act's path says; the body has its reason. */
  act(path: string, body: Readonly<Record<string, unknown>>): Promise<{ kept?: boolean; moved?: number }> {
    return this.#ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  #get<T>(path: string, query: Query = {}): Promise<T> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== "") parameters.append(name, one);
    }
    const text = parameters.toString();
    return this.#ask(text === "" ? path : `${path}?${text}`, {});
  }

  async #ask<T>(path: string, init: RequestInit): Promise<T> {
    let response: Response;
    try {
      response = await this.#fetch(`/admin/v1/${path}`, {
        ...init,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        headers: { ...init.headers, Authorization: `Bearer ${this.#token}` },
      });
    } catch {
      throw new Refusal(0, "Signaling does not answer.", "Is it running? The page tries again by itself.");
    }
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok || answer === null) {
      const { title, detail } = (answer ?? {}) as { title?: string; detail?: string };
      throw new Refusal(response.status, title ?? `Signaling answered ${response.status}.`, detail);
    }
    return answer as T;
  }
}

/** That nothing of a kind is kept is an answer, and no failure. */
async function kept<T>(ask: () => Promise<T>): Promise<T | Absent> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return { absent: `${error.message} ${error.hint}` };
    throw error;
  }
}
