import type { KeyObject } from "node:crypto";

/** What a player's token says. A limit that is left out is none. */
export interface PlayerClaims {
  /** Seconds from now until when a session may begin or resume: 300 by default, so that a token that leaks is soon worth nothing. */
  readonly life?: number;
  /** Seconds from now until the token begins to be good. */
  readonly after?: number;
  /** The token's name (jti): a session is resumed with a token of the same one. Random by default. */
  readonly id?: string;
  /** Default: ["play"]. */
  readonly rights?: readonly ("play" | "install" | "watch" | "stock")[];
  /** The only game that it is good for. */
  readonly app?: string;
  /** The only session that the right "watch" is good for. */
  readonly session?: string;
  /** Good for one session, and for resuming that one. Default: true. */
  readonly once?: boolean;
  /** People at the session, who plays and who looks on, 1 to 64. */
  readonly seats?: number;
  /** Bits per second that the stream may take, 100,000 to 1,000,000,000. */
  readonly bitrate?: number;
  /** What an edge may ask for a second, in the payment token's smallest unit. */
  readonly price?: number;
  /** Of which the edge must lie in one: "de", "eu". */
  readonly regions?: readonly string[];
  /** Addresses of the edges that the player trusts, at most 16. */
  readonly edges?: readonly string[];
  /** Address of the key whose endorsement makes further edges trusted (`nearlight wallet endorse`). */
  readonly root?: string;
  /** Address of the only session key that the token is good for: the page makes it (createSessionKey) and sends you its address. */
  readonly holder?: string;
}

/** Which network the tokens are for. Both are checked exactly. */
export interface Scope {
  /** Default: "nearlight". */
  readonly issuer?: string;
  /** Default: "nearlight-signaling". */
  readonly audience?: string;
}

/** Signs tokens with one key. */
export class Issuer {
  /** The key is private, Ed25519 or P-256: PEM text, or what node:crypto makes of it. Throws a TypeError for any other. */
  constructor(key: string | Buffer | KeyObject, scope?: Scope);
  /** The key's id, by which tokens name it: its thumbprint (RFC 7638). */
  readonly keyId: string;
  /** A token for a player. Throws a TypeError where a claim is out of bounds: nothing is signed that edges would refuse. */
  playerToken(claims?: PlayerClaims): string;
  /** A token with which an edge may register. Default life: 30 days. */
  edgeToken(claims?: { readonly life?: number; readonly id?: string; readonly holder?: string }): string;
}

/**
 * The public halves of keys, as signaling and edges take them: a JWK Set (RFC 7517). While keys are changed give the old one and the new
 * one. Private keys may be given: only their public halves are in what is returned.
 */
export function keySet(...keys: (string | Buffer | KeyObject)[]): { keys: object[] };
