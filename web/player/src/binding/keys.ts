/**
 * Keys on secp256k1, and the statements that are signed with them: the page's half of the Go package internal/identity, whose testdata
 * both read. It is loaded when a token demands it, and not before.
 */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { getPublicKey, Point, recoverPublicKey, Signature, signAsync, utils } from "@noble/secp256k1";
import type { Lease } from "../signaling/messages.js";

/** A session's key. Whoever has the secret can go on with the session, and nothing else. */
export interface SessionKey {
  /** As EIP-55 writes it. */
  readonly address: string;
  /** 0x and 64 hexadecimal digits. */
  readonly secret: string;
}

/** Makes a key. */
export function newKey(): SessionKey {
  return keyOf(`0x${hex(utils.randomSecretKey())}`);
}

/** The key of a secret. Throws where that is none. */
export function keyOf(secret: string): SessionKey {
  return { address: addressOf(getPublicKey(octets(secret, 32), false)), secret };
}

/** An Ethereum address of an uncompressed public key. */
function addressOf(publicKey: Uint8Array): string {
  return checksummed(keccak_256(publicKey.subarray(1)).subarray(12));
}

/** EIP-55: the hash of the small digits says which are capitals. */
function checksummed(address: Uint8Array): string {
  const digits = hex(address);
  const hash = hex(keccak_256(new TextEncoder().encode(digits)));
  return `0x${[...digits].map((d, i) => (Number.parseInt(hash.charAt(i), 16) > 7 ? d.toUpperCase() : d)).join("")}`;
}

/** Signs a digest: r, s and v as 0x and 130 digits. */
export async function sign(digest: Uint8Array, key: SessionKey): Promise<string> {
  const made = await signAsync(digest, octets(key.secret, 32), { prehash: false, format: "recovered" });
  const v = 27 + (made[0] ?? 0); // the library puts it first
  return `0x${hex(made.subarray(1))}${v.toString(16)}`;
}

/** Who signed a digest. Throws on a signature of another form than sign() makes: s in the upper half (EIP-2), or another v. */
export function signerOf(digest: Uint8Array, signature: string): string {
  const raw = octets(signature, 65);
  const recovery = (raw[64] ?? 0) - 27;
  if (recovery !== 0 && recovery !== 1) throw new TypeError("a signature with another v");
  const form = Uint8Array.of(recovery, ...raw.subarray(0, 64));
  if (Signature.fromBytes(form, "recovered").hasHighS()) throw new TypeError("a signature of the second form");
  return addressOf(uncompressed(recoverPublicKey(form, digest, { prehash: false })));
}

function uncompressed(point: Uint8Array): Uint8Array {
  return Point.fromBytes(point).toBytes(false);
}

type Field = Uint8Array;

/** The statement that both ends of a connection sign. */
export interface Binding {
  readonly session: string;
  readonly epoch: number;
  readonly edge: string;
  readonly player: string;
  /** 64 hexadecimal digits. */
  readonly edgeFingerprint: string;
  readonly playerFingerprint: string;
}

export function bindingDigest(b: Binding): Uint8Array {
  return digest(
    "Binding(string session,uint64 epoch,address edge,address player,bytes32 edgeFingerprint,bytes32 playerFingerprint)",
    text(b.session),
    number(b.epoch),
    address(b.edge),
    address(b.player),
    octets(`0x${b.edgeFingerprint}`, 32),
    octets(`0x${b.playerFingerprint}`, 32),
  );
}

/** What an edge signs of a slot that it gives away. */
export function leaseDigest(l: Lease): Uint8Array {
  return digest(
    "Lease(address edge,uint32 slot,uint64 epoch,string session,address player,string token,uint64 expiresAt)",
    address(l.edge),
    number(l.slot),
    number(l.epoch),
    text(l.session),
    l.player === undefined ? new Uint8Array(32) : address(l.player),
    text(l.token),
    number(l.expiresAt),
  );
}

/** What a studio's root key signs of an edge; expiresAt in seconds since 1970. */
export function endorsementDigest(edge: string, expiresAt: number): Uint8Array {
  return digest("Endorsement(address edge,uint64 expiresAt)", address(edge), number(expiresAt));
}

/** EIP-712, in the domain of all our statements. */
function digest(type: string, ...fields: Field[]): Uint8Array {
  const domain = struct("EIP712Domain(string name,string version)", text("Nearlight"), text("1"));
  return keccak_256(joined(Uint8Array.of(0x19, 0x01), domain, struct(type, ...fields)));
}

function struct(type: string, ...fields: Field[]): Uint8Array {
  return keccak_256(joined(text(type), ...fields));
}

function text(value: string): Field {
  return keccak_256(new TextEncoder().encode(value));
}

function number(value: number): Field {
  const field = new Uint8Array(32);
  new DataView(field.buffer).setBigUint64(24, BigInt(value));
  return field;
}

function address(value: string): Field {
  return joined(new Uint8Array(12), octets(value, 20));
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}

function octets(value: string, length: number): Uint8Array {
  if (!new RegExp(`^0x[0-9A-Fa-f]{${2 * length}}$`).test(value))
    throw new TypeError(`not 0x and ${2 * length} hexadecimal digits`);
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(value.slice(2 + 2 * i, 4 + 2 * i), 16));
}
