import { PlayerError } from "../errors.js";
import type { ConnectOptions } from "../options.js";
import type { Bond } from "./bond.js";
import { trustOf } from "./trust.js";

/** What the connections of a session are checked by. The code for it is fetched only where the token demands it. */
export function bondOf({ token, key }: ConnectOptions): Promise<Bond> | null {
  const trust = trustOf(token);
  if (trust === null) return null;
  return import("./bond.js").then(
    ({ Bond }) => new Bond(trust, key ?? null),
    (cause) => {
      throw PlayerError.of("unproven", cause);
    },
  );
}
