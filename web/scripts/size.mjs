// Holds the player and the page to their sizes: what a cold page load must fetch before anything is seen.
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * KiB after gzip of what is loaded at once, and of what is loaded later. The player alone is what a studio adds to its own page: a fresh TCP connection carries 14 in its first round trip
 * (ten segments, RFC 6928), and the rest in its second. It was 16 until there was sound, and words for what makes a game worse, and 18 until
 * players could speak, hear sound sooner than the browser plays it, wait in line, and be handed on to another machine. The play
 * page with all it loads fits the first two: 10 + 20 segments, 42 KiB. What signs and checks connections, a curve and a hash above all, is
 * fetched only for tokens that demand it, while signaling finds an edge; what measures edges (1.2), only where there are several. Both together were held to 9
 * while nothing measured. The operator's console is for who stays: it may take two round trips; it was
 * held to 20 until it showed what checkers have found, and the audit log. What
 * both pages use is a file of its own since there are two, which compresses less well: the page was held to 40 before.
 */
const BUDGETS = { player: 21, later: 9.5, page: 41, console: 24 };

const bundles = await build({
  root,
  configFile: false,
  logLevel: "error",
  build: {
    write: false,
    target: "chrome111",
    rollupOptions: { input: `${root}/player/src/index.ts`, preserveEntrySignatures: "strict" },
  },
});
const chunks = [bundles].flat()[0].output;
const weight = (chunk) => gzipSync(chunk.code).length;
const named = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
const once = new Set();
const load = (chunk) => {
  if (once.has(chunk)) return;
  once.add(chunk);
  for (const name of chunk.imports) load(named.get(name));
};
load(chunks.find((chunk) => chunk.isEntry));
const player = [...once].reduce((sum, chunk) => sum + weight(chunk), 0);
const later = chunks.filter((chunk) => !once.has(chunk)).reduce((sum, chunk) => sum + weight(chunk), 0);

/** What a page and all that it names weigh. */
const whole = async (name) => {
  const text = await readFile(`${root}/dist/${name}`, "utf8");
  let octets = gzipSync(text).length;
  for (const file of await readdir(`${root}/dist/assets`)) {
    if (text.includes(file)) octets += gzipSync(await readFile(`${root}/dist/assets/${file}`)).length;
  }
  return octets;
};
const page = await whole("index.html");
const operators = await whole("admin.html");

let over = false;
for (const [name, octets] of Object.entries({ player, later, page, console: operators })) {
  const kib = octets / 1024;
  console.log(`${name}: ${kib.toFixed(1)} KiB gzip of ${BUDGETS[name]} KiB`);
  if (kib > BUDGETS[name]) over = true;
}
if (over) {
  console.error("A bundle is over its budget. See what grew, or raise the budget with a reason in scripts/size.mjs.");
  process.exit(1);
}
