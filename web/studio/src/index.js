import { createHash, createPrivateKey, createPublicKey, KeyObject, randomUUID, sign } from "node:crypto";

const MAX_TOKEN = 4096;
const ADDRESS = /^0x[0-9A-Fa-f]{40}$/;
const REGION = /^[a-z0-9-]{1,32}$/;

export class Issuer {
  #key;
  #algorithm;
  #scope;

  constructor(key, { issuer = "nearlight", audience = "nearlight-signaling" } = {}) {
    this.#key = key instanceof KeyObject ? key : createPrivateKey(key);
    if (this.#key.type !== "private") throw new TypeError("the key that signs is the private one");
    const { jwk, id, algorithm } = publicHalf(this.#key);
    if (jwk === undefined) throw new TypeError("want an Ed25519 or a P-256 key");
    this.keyId = id;
    this.#algorithm = algorithm;
    this.#scope = { iss: issuer, aud: audience };
  }

  playerToken(claims = {}) {
    const { life = 300, after = 0, id = randomUUID(), rights = ["play"], once = true, holder, ...limits } = claims;
    const { app, session, seats, bitrate, price, regions, edges, root, ...unknown } = limits;
    for (const name of Object.keys(unknown)) throw new TypeError(`unknown claim ${name}`); // a limit that is misspelt is no limit
    check(
      "rights",
      rights,
      (r) => Array.isArray(r) && r.length <= 16 && r.every((right) => ["play", "install", "watch", "stock"].includes(right)),
    );
    check("once", once, (o) => typeof o === "boolean");
    optional("app", app, (a) => typeof a === "string" && a !== "" && a.length <= 64);
    optional("session", session, (s) => typeof s === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(s));
    optional("seats", seats, between(1, 64));
    optional("bitrate", bitrate, between(100_000, 1_000_000_000));
    optional("price", price, between(1, Number.MAX_SAFE_INTEGER));
    optional("regions", regions, (r) => list(r, 16) && r.every((region) => REGION.test(region)));
    optional("edges", edges, (e) => list(e, 16) && e.every((edge) => ADDRESS.test(edge)));
    optional("root", root, (r) => ADDRESS.test(r));
    optional("holder", holder, (h) => ADDRESS.test(h));
    return this.#sign(life, after, id, {
      role: "player",
      rights,
      ...(once ? { once } : {}),
      ...Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)),
      ...(holder === undefined ? {} : { cnf: { address: holder } }),
    });
  }

  edgeToken({ life = 30 * 24 * 3600, id = randomUUID(), holder } = {}) {
    optional("holder", holder, (h) => ADDRESS.test(h));
    return this.#sign(life, 0, id, { role: "edge", ...(holder === undefined ? {} : { cnf: { address: holder } }) });
  }

  #sign(life, after, id, claims) {
    check("life", life, (l) => Number.isFinite(l) && l > 0);
    check("after", after, (a) => Number.isFinite(a) && a >= 0);
    check("id", id, (i) => typeof i === "string" && i !== "" && Buffer.byteLength(i) <= 128);
    const now = Math.floor(Date.now() / 1000);
    const exp = Math.ceil(now + after + life);
    const said = { ...this.#scope, iat: now, exp, ...(after > 0 ? { nbf: Math.floor(now + after) } : {}), jti: id, ...claims };
    const text = `${part({ alg: this.#algorithm, typ: "JWT", kid: this.keyId })}.${part(said)}`;
    const signature =
      this.#algorithm === "ES256"
        ? sign("sha256", Buffer.from(text), { key: this.#key, dsaEncoding: "ieee-p1363" })
        : sign(null, Buffer.from(text), this.#key);
    const token = `${text}.${signature.toString("base64url")}`;
    if (token.length > MAX_TOKEN) throw new TypeError(`a token of ${token.length} octets, the limit is ${MAX_TOKEN}`);
    return token;
  }
}

export function keySet(...keys) {
  return {
    keys: keys.map((key) => {
      const { jwk, id, algorithm } = publicHalf(key);
      if (jwk === undefined) throw new TypeError("want Ed25519 or P-256 keys");
      return { ...jwk, kid: id, use: "sig", alg: algorithm };
    }),
  };
}

/** A key's public half as a JWK, with the members of its thumbprint in the order of RFC 7638. */
function publicHalf(key) {
  const object = key instanceof KeyObject && key.type === "public" ? key : createPublicKey(key);
  const { kty, crv, x, y } = object.export({ format: "jwk" });
  const jwk =
    kty === "OKP" && crv === "Ed25519" ? { crv, kty, x } : kty === "EC" && crv === "P-256" ? { crv, kty, x, y } : undefined;
  if (jwk === undefined) return {};
  const id = createHash("sha256").update(JSON.stringify(jwk)).digest("base64url");
  return { jwk, id, algorithm: kty === "EC" ? "ES256" : "EdDSA" };
}

function part(object) {
  return Buffer.from(JSON.stringify(object)).toString("base64url");
}

function between(low, high) {
  return (value) => Number.isSafeInteger(value) && value >= low && value <= high;
}

function list(value, most) {
  return Array.isArray(value) && value.length > 0 && value.length <= most;
}

function optional(name, value, good) {
  if (value !== undefined) check(name, value, good);
}

function check(name, value, good) {
  if (!good(value)) throw new TypeError(`${name} is out of bounds: ${JSON.stringify(value)}`);
}
