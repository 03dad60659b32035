/**
 * A studio's back end: it serves its public keys, which signaling and edges fetch, and signs a token for each player who may play.
 *
 *     openssl genpkey -algorithm ed25519 -out nearlight.pem
 *     node example/server.js nearlight.pem
 *     nearlight signaling --verify-key http://127.0.0.1:3000/nearlight/keys ...
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Issuer, keySet } from "@nearlight/studio";

const [file, port = "3000"] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node server.js KEY.pem [PORT]");
  process.exit(2);
}
const key = readFileSync(file);
const issuer = new Issuer(key);

/** Who asks, and what they may: your own sessions say. Here everybody may play one game. */
function whoAsks(_request) {
  return { app: "supertux2", regions: ["eu"] };
}

const server = createServer((request, response) => {
  const send = (status, type, body) =>
    response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" }).end(body);
  const { pathname } = new URL(request.url, "http://studio");
  if (request.method === "GET" && pathname === "/nearlight/keys") {
    return send(200, "application/jwk-set+json", JSON.stringify(keySet(key)));
  }
  if (request.method === "POST" && pathname === "/play") {
    const may = whoAsks(request);
    if (may === null) return send(403, "text/plain", "buy the game first");
    return send(200, "text/plain", issuer.playerToken({ ...may, seats: 4, bitrate: 12_000_000 }));
  }
  send(404, "text/plain", "not found");
});
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.close());
