import { TABS, type Tab } from "./lists.js";

/** What a link to the console brings along. */
export interface Handed {
  /** The operator's token, null where the link has none. */
  readonly token: string | null;
  /** What is to be looked at first, null where the link does not say. */
  readonly tab: Tab | null;
}

/** The parts of the browser that it is read from and hidden in. */
export interface HandedPlace {
  readonly location: Pick<Location, "hash" | "pathname" | "search">;
  readonly history: Pick<History, "replaceState" | "state">;
}

/** Reads the address's fragment, `#token=TOKEN&tab=Checks`, and takes it out of the address bar at once. */
export function takeHanded({ location, history }: HandedPlace): Handed {
  const fragment = location.hash.replace(/^#/, "");
  if (fragment === "") return { token: null, tab: null };
  history.replaceState(history.state, "", location.pathname + location.search);
  const given = new URLSearchParams(fragment);
  const token = given.get("token");
  return { token: token === "" ? null : token, tab: TABS.find((tab) => tab === given.get("tab")) ?? null };
}
