import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Lease } from "../signaling/messages.js";
import { Bond } from "./bond.js";
import { fingerprintOf } from "./description.js";
import { bindingDigest, endorsementDigest, keyOf, leaseDigest, newKey, sign, signerOf } from "./keys.js";
import { trustOf } from "./trust.js";

const root = new URL("../../../../", import.meta.url);
const read = <T>(path: string): T => JSON.parse(readFileSync(new URL(path, root), "utf8")) as T;

interface Statement {
  readonly type: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly secret: string;
  readonly address: string;
  readonly digest: string;
  readonly signature: string;
}
const statements = read<Statement[]>("internal/identity/testdata/statements.json");

interface Exchange {
  readonly secret: string;
  readonly token: string;
  readonly session: string;
  readonly lease: Lease;
  readonly offer: { readonly sdp: string; readonly edge: { address: string; epoch: number; endorsement?: string } };
  readonly answer: { readonly sdp: string; readonly player: { address: string; signature: string } };
  readonly bound: { readonly signature: string };
}
const exchanges = read<Exchange[]>("signaling/binding/testdata/exchanges.json");

const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

/** Counts on every field being there. */
const field = ({ fields }: Statement, name: string): string => fields[name] ?? expect.fail(`no ${name}`);

function digestOf(s: Statement): Uint8Array | null {
  if (s.type === "Endorsement") return endorsementDigest(field(s, "edge"), Number(field(s, "expiresAt")));
  if (s.type === "Lease")
    return leaseDigest({
      edge: field(s, "edge"),
      slot: Number(field(s, "slot")),
      epoch: Number(field(s, "epoch")),
      session: field(s, "session"),
      player: field(s, "player"),
      token: field(s, "token"),
      expiresAt: Number(field(s, "expiresAt")),
      signature: s.signature,
    });
  if (s.type !== "Binding") return null; // the page neither makes nor checks it
  return bindingDigest({
    session: field(s, "session"),
    epoch: Number(field(s, "epoch")),
    edge: field(s, "edge"),
    player: field(s, "player"),
    edgeFingerprint: field(s, "edgeFingerprint").slice(2),
    playerFingerprint: field(s, "playerFingerprint").slice(2),
  });
}

describe("statements", () => {
  it.each(statements)("$type is signed as in Go", async (statement) => {
    const key = keyOf(statement.secret);
    expect(key.address).toBe(statement.address);
    const digest = Buffer.from(statement.digest.slice(2), "hex");
    expect(await sign(digest, key)).toBe(statement.signature);
    expect(signerOf(digest, statement.signature)).toBe(statement.address);
    const own = digestOf(statement);
    if (own !== null) expect(hex(own)).toBe(statement.digest);
  });

  it("refuses signatures of other forms", () => {
    const [{ digest, signature }] = statements as [Statement];
    const hash = Buffer.from(digest.slice(2), "hex");
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = BigInt(`0x${signature.slice(66, 130)}`);
    const flipped = signature.endsWith("1b") ? "1c" : "1b";
    const forms = {
      "the second form": `${signature.slice(0, 66)}${(order - s).toString(16).padStart(64, "0")}${flipped}`,
      "v of 0": `${signature.slice(0, 130)}00`,
      "v of 29": `${signature.slice(0, 130)}1d`,
      "r of 0": `0x${"0".repeat(64)}${signature.slice(66)}`,
      short: signature.slice(0, -2),
      "no 0x": signature.slice(2),
      nothing: `0x${"0".repeat(130)}`,
    };
    for (const [why, form] of Object.entries(forms)) expect(() => signerOf(hash, form), why).toThrow();
  });

  it("makes keys that differ", () => {
    const [a, b] = [newKey(), newKey()];
    expect(a.address).not.toBe(b.address);
    expect(keyOf(a.secret)).toEqual(a);
    for (const secret of ["", "0x", `0x${"0".repeat(64)}`, `0x${"f".repeat(64)}`]) expect(() => keyOf(secret)).toThrow();
  });
});

describe("descriptions", () => {
  const descriptions = read<{ why: string; sdp: string; print: string }[]>("signaling/binding/testdata/descriptions.json");
  it.each(descriptions)("$why", ({ sdp, print }) => {
    if (print === "") expect(() => fingerprintOf(sdp)).toThrow();
    else expect(fingerprintOf(sdp)).toBe(print);
  });
});

describe("a connection", () => {
  const bondOf = ({ token, secret }: Exchange) => {
    const trust = trustOf(token);
    if (trust === null) throw new Error("the token demands nothing");
    return new Bond(trust, { secret });
  };
  const offered = (exchange: Exchange) => {
    const proof = bondOf(exchange).connection();
    proof.offered(exchange.session, exchange.offer.sdp, exchange.offer.edge, false, exchange.lease);
    return proof;
  };
  const unproven = expect.objectContaining({ code: "unproven" });

  it.each(exchanges)("is proven as in Go, %#", async (exchange) => {
    const proof = offered(exchange);
    expect(await proof.answer(exchange.answer.sdp)).toEqual(exchange.answer.player);
    expect(proof.proven).toBe(false);
    proof.bound(exchange.bound.signature);
    expect(proof.proven).toBe(true);
  });

  const [first] = exchanges as [Exchange];
  const middle = first.offer.sdp.replace(/(a=fingerprint:sha-256 )\S+/, `$1${Array(32).fill("66").join(":")}`);

  it.each([
    ["another certificate in the offer", { sdp: middle }],
    ["another epoch", { epoch: 8 }],
    ["another session", { session: "s-2" }],
  ])("is refused at the end: %s", async (_, change: { sdp?: string; epoch?: number; session?: string }) => {
    const proof = bondOf(first).connection();
    const edge = { ...first.offer.edge, ...(change.epoch === undefined ? {} : { epoch: change.epoch }) };
    proof.offered(change.session ?? first.session, change.sdp ?? first.offer.sdp, edge, false);
    await proof.answer(first.answer.sdp);
    expect(() => proof.bound(first.bound.signature)).toThrowError(unproven);
    expect(proof.proven).toBe(false);
  });

  it("is refused at the end: another certificate of ours", async () => {
    const proof = offered(first);
    await proof.answer(middle);
    expect(() => proof.bound(first.bound.signature)).toThrowError(unproven);
  });

  it("is refused at the end: signed by ourselves, by a stranger, or by nobody", async () => {
    for (const signature of [
      first.answer.player.signature,
      exchanges[1]?.answer.player.signature ?? "",
      `0x${"0".repeat(130)}`,
    ]) {
      const proof = offered(first);
      await proof.answer(first.answer.sdp);
      expect(() => proof.bound(signature)).toThrowError(unproven);
      expect(proof.proven).toBe(false);
    }
  });

  it("is refused before anything was answered", () => {
    expect(() => offered(first).bound(first.bound.signature)).toThrowError(unproven);
  });

  it.each([
    ["no edge", undefined],
    ["another edge", { address: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", epoch: 7 }],
  ])("is refused at the offer: %s", (_, edge) => {
    for (const exchange of exchanges) {
      const proof = bondOf(exchange).connection();
      expect(() => proof.offered(exchange.session, exchange.offer.sdp, edge, false)).toThrowError(unproven);
    }
  });

  it.each<[string, Partial<Lease>]>([
    ["another edge's", { edge: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" }],
    ["another slot's", { slot: 4 }],
    ["of another epoch", { epoch: 6 }],
    ["another session's", { session: "s-2" }],
    ["another token's", { token: "K5B3" }],
    ["another player's", { player: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" }],
    ["for longer", { expiresAt: 2_000_000_000 }],
    ["signed by somebody else", { signature: (exchanges[0] as Exchange).answer.player.signature }],
  ])("is refused at the offer: the lease is %s", (_, change) => {
    for (const exchange of exchanges) {
      const proof = bondOf(exchange).connection();
      const lease = { ...exchange.lease, ...change };
      expect(() => proof.offered(exchange.session, exchange.offer.sdp, exchange.offer.edge, false, lease)).toThrowError(
        unproven,
      );
    }
  });

  it("is refused at the offer: the root's endorsement is missing, cut, of another, or over", () => {
    const rooted = exchanges[1] as Exchange;
    const [address, seconds, signature] = (rooted.offer.edge.endorsement ?? "").split(".") as [string, string, string];
    const other = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    for (const endorsement of [
      undefined,
      "",
      address,
      `${address}.${seconds}`,
      `${address}.1${seconds}.${signature}`,
      `${other}.${seconds}.${signature}`,
      `${address}.${seconds}.${rooted.bound.signature}`,
      `${address}.${seconds}.${signature}.`,
    ]) {
      const proof = bondOf(rooted).connection();
      const edge = { address, epoch: 7, ...(endorsement === undefined ? {} : { endorsement }) };
      expect(() => proof.offered(rooted.session, rooted.offer.sdp, edge, false), endorsement).toThrowError(unproven);
    }
  });

  it("goes on by new ways to the same machine alone", async () => {
    const proven = async () => {
      const proof = offered(first);
      await proof.answer(first.answer.sdp);
      proof.bound(first.bound.signature);
      return proof;
    };
    const same = await proven();
    same.offered(first.session, first.offer.sdp, first.offer.edge, true);
    expect(same.proven).toBe(true);
    const other = await proven();
    expect(() => other.offered(first.session, middle, first.offer.edge, true)).toThrowError(unproven);
    const anew = await proven();
    anew.offered(first.session, middle, first.offer.edge, false);
    expect(anew.proven).toBe(false);
  });

  it("is not begun with another key than the token's", () => {
    const held = exchanges[2] as Exchange;
    expect(() => bondOf({ ...held, secret: newKey().secret })).toThrowError(unproven);
  });
});

describe("a token", () => {
  const token = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
  const edge = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

  it("demands what it names", () => {
    expect(trustOf(token({ edges: [edge] }))).toEqual({ edges: [edge], root: null, holder: null });
    expect(trustOf(token({ root: edge, cnf: { address: edge } }))).toEqual({ edges: [], root: edge, holder: edge });
  });

  it.each([["x"], [""], ["a.b.c"], [token({})], [token({ app: "tux" })], [token([])], [token(null)]])(
    "%s demands nothing",
    (raw) => {
      expect(trustOf(raw)).toBeNull();
    },
  );

  it.each([
    [{ edges: [] }],
    [{ edges: "x" }],
    [{ edges: ["x"] }],
    [{ edges: [7] }],
    [{ root: "studio" }],
    [{ root: {} }],
    [{ cnf: {} }],
    [{ cnf: { jkt: "x" } }],
  ])("%j demands what is not understood", (claims) => {
    expect(() => trustOf(token(claims))).toThrow();
  });
});
