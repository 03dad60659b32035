import { PlayerError } from "../errors.js";

/** What a token demands of the connection: whom the player trusts, and by which key it is known itself. */
export interface Trust {
  /** Addresses of edges. */
  readonly edges: readonly string[];
  /** Whose endorsement makes further ones trusted; null for nobody's. */
  readonly root: string | null;
  /** The only session key that the token is good for; null for any. */
  readonly holder: string | null;
}

const ADDRESS = /^0x[0-9A-Fa-f]{40}$/;

/**
 * Reads from a token what it demands; null where both ends need not sign. The token came from the studio, and not from signaling: what it
 * says is what the player goes by, and whether its own signature is right is for edges to check. A demand that is not understood throws,
 * for to go without would be to play unprotected.
 */
export function trustOf(token: string): Trust | null {
  try {
    return demands(claimsOf(token));
  } catch (cause) {
    throw PlayerError.of("unproven", cause);
  }
}

function demands(claims: object | null): Trust | null {
  if (claims === null) return null; // no token of ours: signaling says so
  const { edges = null, root = null, cnf = null } = claims as { edges?: unknown; root?: unknown; cnf?: unknown };
  if (edges === null && root === null && cnf === null) return null;
  if (edges !== null && !(Array.isArray(edges) && edges.length > 0)) throw new TypeError("edges: not a list of addresses");
  return {
    edges: ((edges ?? []) as unknown[]).map(address),
    root: root === null ? null : address(root),
    holder: cnf === null ? null : address((cnf as { address?: unknown }).address),
  };
}

function claimsOf(token: string): object | null {
  const payload = token.split(".")[1];
  if (payload === undefined) return null;
  try {
    const octets = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(octets));
    return typeof claims === "object" && claims !== null ? claims : null;
  } catch {
    return null;
  }
}

function address(value: unknown): string {
  if (typeof value !== "string" || !ADDRESS.test(value)) throw new TypeError("not an address");
  return value;
}
