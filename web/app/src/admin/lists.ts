import type { Absent, Api, Edge, Order, Page, Recorded, Session, Waiting } from "./api.js";
import type { Checks } from "./checks.js";

export const TABS = ["Edges", "Sessions", "Queue", "Orders", "Checks", "Audit", "Nodes"] as const;
export type Tab = (typeof TABS)[number];

/** What a tab shows: its list, once it has come. */
export interface Lists {
  readonly Edges: Page<Edge>;
  readonly Sessions: Page<Session>;
  readonly Queue: Page<Waiting>;
  readonly Orders: Page<Order>;
  readonly Checks: Checks | Absent;
  readonly Audit: Page<Recorded> | Absent;
}

/** What is looked for: an edge or a session by its whole id, the rest as parts of text. */
export interface Filter {
  readonly text: string;
  readonly state: string;
  readonly edge: string;
  readonly checked: string;
  readonly auditSession: string;
  readonly auditEdge: string;
}

export const UNFILTERED: Filter = { text: "", state: "", edge: "", checked: "", auditSession: "", auditEdge: "" };

/** Asks for what a tab shows; the nodes are asked for whatever the tab is. */
export function ask(api: Api, tab: Tab, filter: Filter, after: string): Promise<Lists[keyof Lists]> | undefined {
  const page = { after, limit: "50" };
  switch (tab) {
    case "Edges":
      return api.edges({ text: filter.text, state: filter.state, ...page });
    case "Sessions":
      return api.sessions({ edge: filter.edge, ...page });
    case "Queue":
      return api.queue();
    case "Orders":
      return api.orders();
    case "Checks":
      return api.checks({ text: filter.checked });
    case "Audit":
      return api.acts({ session: filter.auditSession, edge: filter.auditEdge, ...page });
    case "Nodes":
      return undefined;
  }
}
