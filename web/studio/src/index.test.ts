import { type ChildProcess, spawn } from "node:child_process";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Issuer, keySet } from "./index.js";

const pem = { type: "pkcs8", format: "pem" } as const;
const keys = {
  EdDSA: generateKeyPairSync("ed25519").privateKey.export(pem),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(pem),
};
const edge = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

/** What a token says, once its signature is right by the set's key. */
function read(token: string, set: { keys: object[] }): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header = "", claims = "", signature = ""] = token.split(".");
  const said = JSON.parse(Buffer.from(header, "base64url").toString());
  const key = set.keys.find((entry) => (entry as { kid: string }).kid === said.kid);
  const text = Buffer.from(`${header}.${claims}`);
  const by = createPublicKey({ key: key as import("node:crypto").JsonWebKey, format: "jwk" });
  const good =
    said.alg === "ES256"
      ? verify("sha256", text, { key: by, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"))
      : verify(null, text, by, Buffer.from(signature, "base64url"));
  expect(good).toBe(true);
  return { header: said, claims: JSON.parse(Buffer.from(claims, "base64url").toString()) };
}

describe.each(Object.entries(keys))("with a key for %s", (algorithm, key) => {
  const issuer = new Issuer(key);

  it("signs what a player may", () => {
    const token = issuer.playerToken({
      life: 60,
      id: "j",
      rights: ["play", "watch"],
      app: "tux",
      seats: 4,
      bitrate: 8e6,
      price: 139,
      regions: ["de"],
      edges: [edge],
      root: edge,
      holder: edge,
    });
    const { header, claims } = read(token, keySet(key));
    expect(header).toEqual({ alg: algorithm, typ: "JWT", kid: issuer.keyId });
    const { iat, exp, ...rest } = claims;
    expect(Number(exp) - Number(iat)).toBe(60);
    expect(rest).toEqual({
      iss: "nearlight",
      aud: "nearlight-signaling",
      jti: "j",
      role: "player",
      rights: ["play", "watch"],
      once: true,
      app: "tux",
      seats: 4,
      bitrate: 8e6,
      price: 139,
      regions: ["de"],
      edges: [edge],
      root: edge,
      cnf: { address: edge },
    });
  });

  it("signs what an edge may, and a token for later", () => {
    expect(read(issuer.edgeToken({ holder: edge }), keySet(key)).claims).toMatchObject({
      role: "edge",
      cnf: { address: edge },
    });
    expect(read(issuer.playerToken({ rights: ["stock"] }), keySet(key)).claims).toMatchObject({
      role: "player",
      rights: ["stock"],
    });
    const { claims } = read(issuer.playerToken({ after: 60, once: false }), keySet(key));
    expect(Number(claims["nbf"]) - Number(claims["iat"])).toBe(60);
    expect("once" in claims).toBe(false);
  });

  it("shows no private key", () => {
    expect(JSON.stringify(keySet(key, keys.EdDSA))).not.toMatch(/"d"/);
  });

  it.each([
    [{ seats: 0 }],
    [{ seats: 1.5 }],
    [{ bitrate: 1 }],
    [{ price: -1 }],
    [{ regions: [] }],
    [{ regions: ["DE"] }],
    [{ edges: [] }],
    [{ edges: ["studio"] }],
    [{ root: "studio" }],
    [{ holder: "" }],
    [{ rights: ["fly"] }],
    [{ app: "" }],
    [{ session: "a b" }],
    [{ id: "x".repeat(129) }],
    [{ life: 0 }],
    [{ life: Number.NaN }],
    [{ after: -1 }],
    [{ once: "yes" }],
    [{ seat: 1 }],
  ])("refuses to sign %j", (claims) => {
    expect(() => issuer.playerToken(claims as never)).toThrow(TypeError);
  });
});

it("takes no other key", () => {
  expect(() => new Issuer(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey)).toThrow(TypeError);
  expect(() => new Issuer(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey)).toThrow(TypeError);
  expect(() => new Issuer(generateKeyPairSync("ed25519").publicKey)).toThrow(TypeError);
});

it("serves keys and tokens from the example", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nearlight-studio-"));
  const file = join(folder, "key.pem");
  writeFileSync(file, keys.EdDSA, { mode: 0o600 });
  const server = spawn(process.execPath, [fileURLToPath(new URL("../example/server.js", import.meta.url)), file, "0"]);
  try {
    const origin = await firstLine(server);
    const set = await (await fetch(`${origin}/nearlight/keys`)).json();
    const token = await (await fetch(`${origin}/play`, { method: "POST" })).text();
    expect(read(token, set).claims).toMatchObject({ role: "player", app: "supertux2", once: true, seats: 4 });
    expect((await fetch(`${origin}/play`)).status).toBe(404);
  } finally {
    server.kill();
    rmSync(folder, { recursive: true });
  }
});

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (data) => {
      said += data;
      if (said.includes("\n")) resolve(said.trim());
    });
    child.stderr?.on("data", (data) => reject(new Error(String(data))));
    child.on("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
}
