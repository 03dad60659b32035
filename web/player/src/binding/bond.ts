import { PlayerError } from "../errors.js";
import type { EdgeKey, Lease, PlayerKey } from "../signaling/messages.js";
import { fingerprintOf } from "./description.js";
import {
  type Binding,
  bindingDigest,
  endorsementDigest,
  keyOf,
  leaseDigest,
  newKey,
  type SessionKey,
  sign,
  signerOf,
} from "./keys.js";
import type { Trust } from "./trust.js";

export { newKey, type SessionKey };

/** How much the clocks of a root and this browser may differ. */
const SKEW_S = 10;

/** A session's key, and whom its player trusts: what each connection of the session is checked by. */
export class Bond {
  readonly key: SessionKey;
  readonly #trust: Trust;

  /** key null makes one. Throws where the token is for another key. */
  constructor(trust: Trust, key: { readonly secret: string } | null) {
    this.key = key === null ? newKey() : keyOf(key.secret);
    this.#trust = trust;
    if (trust.holder !== null && trust.holder !== this.key.address) throw unproven("the token is for another session key");
  }

  /** Throws "unproven" unless the edge is one that the token trusts. */
  trusts(edge: EdgeKey): void {
    const { edges, root } = this.#trust;
    if (edges.includes(edge.address) || (edges.length === 0 && root === null)) return;
    if (root === null) throw unproven(`the token does not name the machine ${edge.address}`);
    const [address, seconds, signature, ...rest] = (edge.endorsement ?? "").split(".");
    if (
      address !== edge.address ||
      seconds === undefined ||
      !/^\d{1,15}$/.test(seconds) ||
      signature === undefined ||
      rest.length > 0
    )
      throw unproven(`the machine ${edge.address} shows no endorsement of its own`);
    if (signerOf(endorsementDigest(address, Number(seconds)), signature) !== root)
      throw unproven(`the machine ${edge.address} is not endorsed by ${root}`);
    if (Date.now() / 1000 >= Number(seconds) + SKEW_S) throw unproven(`the endorsement of the machine ${edge.address} is over`);
  }

  /** Throws "unproven" unless a lease that signaling has told of is the edge's, and this session's. */
  leased(edge: EdgeKey, session: string, lease: Lease): void {
    const { epoch, player = null } = lease;
    if (lease.session !== session || epoch !== edge.epoch || player !== this.#trust.holder)
      throw unproven("the machine's lease is another session's");
    if (lease.edge !== edge.address || signerOf(leaseDigest(lease), lease.signature) !== edge.address)
      throw unproven(`the machine ${edge.address} has not signed its lease`);
  }

  /** A connection that is to be proven. */
  connection(): Proof {
    return new Proof(this);
  }
}

/**
 * One connection's way to being proven; nothing of it may be shown, and nothing sent by it, before.
 *
 *   offered --> answered --bound--> proven <--offered with restart, by the same edge--.
 *                                      '----------------------------------------------'
 */
export class Proof {
  readonly #bond: Bond;
  #offered: Omit<Binding, "playerFingerprint"> | null = null;
  #answered: Binding | null = null;
  #proven = false;

  constructor(bond: Bond) {
    this.#bond = bond;
  }

  get proven(): boolean {
    return this.#proven;
  }

  /** Takes an offer, and the session's lease where signaling has told of it. Where it throws, it must not be answered. */
  offered(session: string, sdp: string, edge: EdgeKey | undefined, restart: boolean, lease?: Lease): void {
    guarded(() => {
      if (edge === undefined) throw unproven("the machine does not say who it is");
      this.#bond.trusts(edge);
      if (lease !== undefined) this.#bond.leased(edge, session, lease);
      const edgeFingerprint = fingerprintOf(sdp);
      const before = this.#offered;
      if (this.#proven && restart) {
        if (before?.edge !== edge.address || before.edgeFingerprint !== edgeFingerprint || before.session !== session)
          throw unproven("another machine wants to take the connection over");
      } else this.#proven = false;
      this.#offered = { session, epoch: edge.epoch, edge: edge.address, player: this.#bond.key.address, edgeFingerprint };
    });
  }

  /** Signs the connection that an answer makes. */
  async answer(sdp: string): Promise<PlayerKey> {
    if (this.#offered === null) throw unproven("nothing was offered");
    const binding = { ...this.#offered, playerFingerprint: guarded(() => fingerprintOf(sdp)) };
    this.#answered = binding;
    return { address: binding.player, signature: await sign(bindingDigest(binding), this.#bond.key) };
  }

  /** Takes the edge's signature. Where it throws, the connection is not the one that the edge has. */
  bound(signature: string): void {
    const binding = this.#answered;
    guarded(() => {
      if (binding === null) throw unproven("nothing was answered");
      if (signerOf(bindingDigest(binding), signature) !== binding.edge) {
        this.#proven = false;
        throw unproven("what the machine signed is another connection than this one to it");
      }
    });
    this.#proven = true;
  }
}

/** Whatever goes wrong here is that the connection is not proven. */
function guarded<T>(what: () => T): T {
  try {
    return what();
  } catch (cause) {
    throw cause instanceof PlayerError ? cause : PlayerError.of("unproven", cause);
  }
}

function unproven(why: string): PlayerError {
  return PlayerError.of("unproven", new Error(why));
}
