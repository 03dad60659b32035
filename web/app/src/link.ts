/** What the link says: who may play, what, and whether to begin at once. */
export interface PlayLink {
  /** Null where the link holds none: it was cut, or typed by hand. */
  readonly token: string | null;
  /** The one game that is to be played, null where the player picks. */
  readonly app: string | null;
  readonly autoplay: boolean;
  /** The session that is to be looked on at, null where one is to be played. */
  readonly watch: string | null;
  /** Further parameters, for pages that have their own. */
  readonly rest: URLSearchParams;
}

const STORED = "nearlight.link";

/** The parts of the browser that a link is read from and hidden in. */
export interface LinkPlace {
  readonly location: Pick<Location, "hash" | "pathname" | "search">;
  readonly history: Pick<History, "replaceState" | "state">;
  readonly storage: Pick<Storage, "getItem" | "setItem">;
}

/**
 * Reads the link from the address's fragment and takes it out of the address bar at once, so that a token is neither copied nor
 * shared by accident. The tab remembers it, so that a reload works.
 */
export function takeLink({ location, history, storage }: LinkPlace): PlayLink {
  const fragment = location.hash.replace(/^#/, "");
  if (fragment !== "") {
    history.replaceState(history.state, "", location.pathname + location.search);
    storage.setItem(STORED, fragment);
  }
  const rest = new URLSearchParams(fragment === "" ? (storage.getItem(STORED) ?? "") : fragment);
  const token = rest.get("token");
  return {
    token: token === "" ? null : token,
    app: rest.get("app") ?? (token === null ? null : appOf(token)),
    autoplay: rest.get("autoplay") === "1",
    watch: rest.get("watch"),
    rest,
  };
}

/** The game that a token is for, null where it leaves the choice. Only for show: the server and the edge check the token. */
export function appOf(token: string): string | null {
  const payload = token.split(".")[1];
  if (payload === undefined) return null;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const app = typeof claims === "object" && claims !== null && "app" in claims ? claims.app : null;
    return typeof app === "string" && app !== "" ? app : null;
  } catch {
    return null; // a token of another form
  }
}
