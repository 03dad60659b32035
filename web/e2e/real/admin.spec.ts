import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { keyOf, leaseDigest, sign } from "../../player/src/binding/keys.js";

const binary = join(resolve(dirname(fileURLToPath(import.meta.url)), "../../.."), "bin/nearlight");

/** A running `nearlight signaling` with an operator. */
interface Signaling {
  readonly url: string;
  readonly console: string;
  readonly secret: string;
  token(...flags: string[]): string;
  stop(): Promise<void>;
}

async function start(): Promise<Signaling> {
  const folder = mkdtempSync(join(tmpdir(), "nearlight-admin-"));
  const file = (name: string) => join(folder, name);
  const run = (...args: string[]) => execFileSync(binary, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  writeFileSync(file("keys"), run("token", "keygen", "--key", file("key.pem")));
  const secret = "an-operators-token-for-this-test-alone";
  writeFileSync(file("operators"), `ada ${secret}\n`, { mode: 0o600 });
  const child: ChildProcess = spawn(
    binary,
    [
      ...["signaling", "--listen", "127.0.0.1:0", "--verify-key", file("keys"), "--database", file("kept.db")],
      ...["--admin-listen", "127.0.0.1:0", "--admin-tokens", file("operators"), "--drain", "0s"],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = new Promise<void>((done) => child.on("exit", () => done()));
  let said = "";
  const [console, url] = await new Promise<[string, string]>((found, failed) => {
    child.stderr?.on("data", (data) => {
      said += data;
      const operators = /operators are answered" address=(\S+)/.exec(said)?.[1];
      const players = /signaling is ready" address=(\S+)/.exec(said)?.[1];
      if (operators !== undefined && players !== undefined) found([`http://${operators}/`, `http://${players}/`]);
    });
    void ended.then(() => failed(new Error(`nearlight signaling has ended: ${said}`)));
  });
  return {
    url,
    console,
    secret,
    token: (...flags) => run("token", "issue", "--key", file("key.pem"), ...flags).trim(),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      expect(said, "the log tells the token").not.toContain(secret);
      rmSync(folder, { recursive: true });
    },
  };
}

/** An edge's login, as it signs it (internal/identity, Login). */
function login(secret: string, host: string, nonce: string, issuedAt: number): Promise<string> {
  const text = (value: string) => keccak_256(new TextEncoder().encode(value));
  const number = (value: number) => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
  const struct = (type: string, ...fields: Uint8Array[]) => keccak_256(Buffer.concat([text(type), ...fields]));
  const domain = struct("EIP712Domain(string name,string version)", text("Nearlight"), text("1"));
  const statement = struct(
    "Login(string role,string host,bytes32 nonce,uint64 issuedAt,uint64 expiresAt)",
    ...[text("edge"), text(host), Buffer.from(nonce.slice(2), "hex"), number(issuedAt), number(issuedAt + 30)],
  );
  return sign(keccak_256(Buffer.concat([Uint8Array.of(0x19, 0x01), domain, statement])), keyOf(secret));
}

/** What an edge is asked to start, as far as its lease says it. */
interface Start {
  readonly session: string;
  readonly token: string;
  readonly lease: { readonly slot: number; readonly expect: number; readonly ttl: number };
}

/** The lease that an edge gives, signed. */
async function leaseOf(secret: string, { session, token, lease: { slot, expect, ttl } }: Start) {
  const { jti } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { jti: string };
  const { address } = keyOf(secret);
  const lease = {
    edge: address,
    slot,
    epoch: expect + 1,
    session,
    token: tokenID(jti),
    expiresAt: Math.floor((Date.now() + ttl) / 1000),
  };
  return { ...lease, signature: await sign(leaseDigest({ ...lease, signature: "" }), keyOf(secret)) };
}

/** A token's name where it has no business itself: the first 26 letters of a hash in base 32 (RFC 4648). */
function tokenID(jti: string): string {
  const bits = [...createHash("sha256").update(`nearlight token ${jti}`).digest()]
    .map((octet) => octet.toString(2).padStart(8, "0"))
    .join("");
  return Array.from(
    { length: 26 },
    (_, i) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(bits.slice(5 * i, 5 * i + 5), 2)],
  ).join("");
}

/** Edges and players by their sockets alone, from a page of signaling's own origin. */
async function people(
  browser: Browser,
  { url, token }: Signaling,
  edges: readonly { name: string; slots: number }[],
  players: number,
) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}icon.svg`);
  await page.exposeFunction("login", login);
  await page.exposeFunction("leaseOf", leaseOf);
  await page.evaluate(
    async ({ edges, players }) => {
      const open = (
        path: string,
        first: object,
        heard: (message: Record<string, unknown>, say: (m: object) => void) => boolean,
      ) =>
        new Promise<void>((ready) => {
          const socket = new WebSocket(`ws://${location.host}/signal/${path}`, "nearlight.v1");
          const say = (m: object) => socket.send(JSON.stringify(m));
          socket.onopen = () => say(first);
          socket.onmessage = ({ data }) => {
            if (heard(JSON.parse(data as string), say)) ready();
          };
        });
      const apps = ["glider", "supertux"].map((name) => ({
        ...{ name, title: name, summary: "", keys: [], package: "", installed: true },
      }));
      const signers = window as unknown as { login: typeof login; leaseOf: typeof leaseOf };
      for (const { token, name, slots, secret, address } of edges) {
        const leases = Array.from({ length: slots }, () => ({ epoch: 0, taken: false }));
        const register = {
          type: "register",
          token,
          name,
          slots,
          free: slots,
          codecs: ["h264", "vp9"],
          apps,
          since: Date.now(),
          leases,
        };
        await open("edge", { type: "login", address }, (m, say) => {
          if (m["type"] === "challenge") {
            const issuedAt = Math.floor(Date.now() / 1000);
            const signed = signers.login(secret, location.host, String(m["nonce"]), issuedAt);
            void signed.then((signature) => say({ ...register, proof: { issuedAt, expiresAt: issuedAt + 30, signature } }));
          }
          if (m["type"] === "start") {
            const start = m as unknown as Start;
            const session = start.session;
            leases[start.lease.slot] = { epoch: start.lease.expect + 1, taken: true };
            const now = Math.floor(Date.now() / 1000);
            const quality = {
              ...{ framesPerSecond: 59.8, bitsPerSecond: 7_900_000, freezesPerMinute: 0.2, lossRatio: 0.004 },
              ...{ roundTripP50: 11.4, roundTripP95: 18, glassP50: 31, glassP95: 44 },
            };
            void signers.leaseOf(secret, start).then((lease) => {
              say({ type: "leased", session, lease });
              say({ type: "offer", session, sdp: "v=0" });
              say({ type: "usage", session, spans: [{ first: now - 1, past: now }], quality });
            });
          }
          return m["type"] === "registered";
        });
      }
      for (const { token, app } of players) {
        const play = { type: "play", token, app, codecs: ["h264"], wait: true };
        await open("player", play, (m, say) => {
          if (m["type"] === "offer") say({ type: "answer", sdp: "v=0" });
          return m["type"] === "offer" || m["type"] === "queued";
        });
      }
    },
    {
      edges: edges.map((edge, i) => {
        const key = keyOf(`0x${String(i + 1).padStart(64, "0")}`);
        return { ...edge, token: token("--role", "edge"), secret: key.secret, address: key.address };
      }),
      players: Array.from({ length: players }, (_, i) => ({
        token: token("--rights", "play"),
        app: i % 3 === 0 ? "supertux" : "glider",
      })),
    },
  );
  return context;
}

const EDGES = [
  { name: "Berlin, Wedding 1", slots: 2 },
  { name: "Berlin, Wedding 2", slots: 2 },
  { name: "Frankfurt am Main", slots: 4 },
  { name: "Leipzig", slots: 1 },
];

async function signIn(page: Page, { console, secret }: Signaling): Promise<void> {
  await page.goto(console);
  await page.getByLabel("Your token").fill(secret);
  await page.getByRole("button", { name: "Open" }).click();
  await expect(page.getByRole("tab", { name: "Edges" })).toBeVisible();
}

async function confirm(page: Page, button: string, reason: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Why?").fill(reason);
  await dialog.getByRole("button", { name: button }).click();
  await expect(dialog).toBeHidden();
}

/** Pictures for the eye, where somebody wants them: they are no tests. */
async function shot(page: Page, name: string, fullPage = false): Promise<void> {
  const folder = process.env["ADMIN_SHOTS"];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  if (fullPage) await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
}

/** What a node answers that keeps an epoch's log: all kinds of states and results, and names that try to be more than text. */
function checked(now: number) {
  const address = (i: number) => keyOf(`0x${String(i).padStart(64, "0")}`).address;
  const task = (i: number) => `0x${String(i).padStart(2, "0").repeat(32)}`;
  const checkers = [11, 12, 13, 14, 15].map(address);
  const [minute, hour] = [60_000, 3_600_000];
  const finding = (question: string, figure: number, unit: string, required: string, met = true) => ({
    ...{ question, decided: true, met, figure, for: 0, against: 0, counted: 4, required, unit },
  });
  const alive = { check: "alive", every: minute };
  return {
    ...{ epoch: 4, seats: 5, minimum: 3, uncapped: true, entries: 120, previous: task(99) },
    edges: [
      {
        ...{ address: address(1), name: "Berlin, Wedding 1", present: true, state: "streaming" },
        ...{ score: 953, confidence: 926, share: 1000, owed: 0 },
        due: [alive, { check: "capacity", mean: 4 * hour }, { check: "experience", every: minute }],
      },
      {
        ...{ address: address(2), name: "Berlin, Wedding 2", present: true, state: "probation" },
        ...{ score: 700, confidence: 500, share: 50, owed: 7, due: [alive, { check: "capacity", mean: hour }] },
      },
      {
        ...{ address: address(3), name: "<img src=x onerror='hacked=1'>", present: true, state: "jailed" },
        ...{ score: 300, confidence: 500, share: 0, owed: 8, due: [] },
      },
      {
        ...{ address: address(4), name: "", present: false, state: "enrolling", score: 500, confidence: 0, share: 0, owed: 0 },
        due: [{ check: "enrolment", from: now + 10 * minute }],
      },
    ],
    checkers: checkers.map((one, i) => ({ address: one, owner: address(20), score: 0.5 + i / 50, tasks: i * 3 })),
    open: [
      {
        ...{
          task: task(3),
          edge: address(2),
          check: "capacity",
          at: now - 5000,
          commitBy: now + 20_000,
          revealBy: now + 40_000,
        },
        ...{ commitments: 4, reports: 0 },
      },
    ],
    verdicts: [
      {
        ...{
          task: task(2),
          edge: address(3),
          check: "enrolment",
          at: now - 2 * minute,
          decided: now - minute,
          result: "failed",
        },
        notice:
          `The check "enrolment" of ${address(3)}: failed.\n"delay": measured: 25.7 by 4; required: at most 12.\n` +
          "It can be enrolled from 2030-01-01 12:00 UTC on. If the verdict is wrong, appeal against it while it counts, within seven days: another committee checks once more, and then it stands.",
        findings: [
          finding("delay", 25.7512, "ms", "at most 12", false),
          finding("missed frames", 0.0031, "", "at most 0.04"),
          { ...finding("plays", 0, "", "yes"), for: 3, against: 1 },
          { ...finding("detail", 0, "", "at least 0.34", false), decided: false, counted: 2 },
        ],
        conduct: Object.fromEntries(
          checkers.map((one, i) => [one, ["agreed", "silent", "agreed", "disagreed", "fabricated"][i]]),
        ),
      },
      {
        ...{ task: task(1), edge: address(1), check: "capacity", at: now - 2 * hour, decided: now - hour, result: "passed" },
        ...{ notice: "", findings: [finding("frame rate", 59.94, "frames/s", "at least 59")] },
        conduct: Object.fromEntries(checkers.map((one) => [one, "agreed"])),
      },
      {
        ...{
          task: task(0),
          edge: address(2),
          check: "capacity",
          at: now - 3 * hour,
          decided: now - 2 * hour,
          result: "undecided",
        },
        ...{ notice: "It changes nothing.", findings: [], conduct: {} },
      },
    ],
    left: { verdicts: 12 },
  };
}

/** Answers for a node that keeps checks, and remembers what was asked. */
async function keepsChecks(page: Page): Promise<string[]> {
  const asked: string[] = [];
  await page.route("**/admin/v1/checks*", (route) => {
    asked.push(new URL(route.request().url()).search);
    return route.fulfill({ json: checked(Date.now()) });
  });
  return asked;
}

test.skip(!existsSync(binary), "SKIPPED: bin/nearlight is missing (make build)");

test("an operator sees what runs, learns why, drains, ends and bans", async ({ page, browser }) => {
  test.setTimeout(120_000);
  const signaling = await start();
  const others = await people(browser, signaling, EDGES, 11); // there are nine slots
  const broken: string[] = [];
  page.on("console", (message) => message.type() === "error" && !message.text().includes("401") && broken.push(message.text()));
  page.on("pageerror", (error) => broken.push(error.message));

  // A stranger gets nothing, and is told so.
  await page.goto(signaling.console);
  await shot(page, "sign-in");
  await page.getByLabel("Your token").fill("a-token-that-is-nobodys-at-all-here");
  await page.getByRole("button", { name: "Open" }).click();
  await expect(page.getByRole("alert")).toContainText("the token is none of theirs");
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);

  await signIn(page, signaling);
  expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ""]);
  await expect(page.getByText("1 node, ready")).toBeVisible();
  const rows = page.locator("tbody tr");
  await expect(rows).toHaveCount(4);

  // Drain one: it takes nobody, and says why.
  const leipzig = rows.filter({ hasText: "Leipzig" });
  await leipzig.getByRole("button", { name: "Drain" }).click();
  await shot(page, "drain");
  await confirm(page, "Drain", "a new graphics card");
  await expect(page.getByRole("status")).toContainText("takes no further sessions");
  await expect(leipzig).toContainText("draining");
  await expect(leipzig).toContainText("a new graphics card (ada)");
  await shot(page, "edges");
  await page.getByLabel("State").selectOption("draining");
  await expect(rows).toHaveCount(1);
  await page.getByLabel("State").selectOption("");
  await page.getByLabel("Find an edge").fill("wedding");
  await expect(rows).toHaveCount(2);
  await page.getByLabel("Find an edge").fill("");

  // Who waits.
  await page.getByRole("tab", { name: "Queue" }).click();
  await expect(rows).toHaveCount(2);

  // Why a session is where it is.
  await page.getByRole("tab", { name: "Sessions" }).click();
  await expect(rows).toHaveCount(9);
  await expect(rows.first()).toContainText("60 fps");
  await shot(page, "sessions");
  await rows.first().getByRole("button", { name: "Explain" }).click();
  await expect(page.getByRole("heading", { name: "Why this edge" })).toBeVisible();
  await expect(page.getByText("It has the session.")).toBeVisible();
  await expect(page.getByText("takes no players just now").first()).toBeVisible();
  await expect(page.getByText("has no free slot").first()).toBeVisible();
  await shot(page, "explain");
  await page.getByRole("button", { name: "Back to the list" }).click();

  // Ban one's token: it plays no more, and the first in line gets its place.
  await rows.last().getByRole("button", { name: "Ban" }).click();
  await confirm(page, "Ban the token", "cheats");
  await page.getByRole("tab", { name: "Orders" }).click();
  await expect(rows).toHaveCount(2);
  await expect(page.getByText("cheats")).toBeVisible();
  await shot(page, "orders");
  await rows.filter({ hasText: "Edge drained" }).getByRole("button", { name: "Lift" }).click();
  await confirm(page, "Undo the drain", "it is in");
  await expect(rows).toHaveCount(1);

  // The node itself.
  await page.getByRole("tab", { name: "Nodes" }).click();
  await page.getByRole("button", { name: "Drain" }).click();
  await confirm(page, "Drain", "an update");
  await expect(page.getByText("1 node, not ready")).toBeVisible();
  await shot(page, "nodes");

  // The keys of a keyboard move between tabs; a reload stays signed in, and signing out forgets the token.
  await page.getByRole("tab", { name: "Nodes" }).press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Edges" })).toHaveAttribute("aria-selected", "true");
  await page.reload();
  await expect(rows).toHaveCount(4);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Your token")).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  expect(broken).toEqual([]);
  await others.close();
  await signaling.stop();
});

test("an operator reads what checkers have found, and who did what", async ({ page, browser }) => {
  test.setTimeout(120_000);
  const signaling = await start();
  const others = await people(browser, signaling, EDGES, 9); // each slot is taken
  const broken: string[] = [];
  page.on("console", (message) => message.type() === "error" && !message.text().includes("404") && broken.push(message.text()));
  page.on("pageerror", (error) => broken.push(error.message));
  await signIn(page, signaling);

  // A node that keeps no checks says so, and nothing has failed.
  await page.getByRole("tab", { name: "Checks" }).click();
  await expect(page.getByText("This node keeps no checks.")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);

  const asked = await keepsChecks(page);
  await expect(page.getByText("so its verdicts prove nothing to others")).toBeVisible();
  await expect(page.getByText("nearlight checker verify LOG")).toBeVisible();
  const edges = page.getByRole("table", { name: "Edges and their checks" }).locator("tbody tr");
  await expect(edges).toHaveCount(4);
  await expect(edges.nth(1)).toContainText("on probation");
  await expect(edges.nth(1)).toContainText("450 to 950");
  await expect(edges.nth(1)).toContainText("at random, each hour on average");
  await expect(edges.nth(2)).toContainText("<img src=x");
  await shot(page, "checks", true);

  // A verdict is opened by keyboard, and stays open while the page asks again.
  const verdict = page.locator("details", { hasText: "failed" }).first();
  await verdict.locator("summary").focus();
  await page.keyboard.press("Enter");
  const findings = verdict.getByRole("table", { name: "What was found" }).locator("tbody tr");
  await expect(findings).toHaveCount(4);
  await expect(findings.first()).toContainText(/delay\s*25.75\sms\s*at most 12\sms\s*not met\s*4/);
  await expect(verdict).toContainText("Silent: committed, and revealed nothing (1)");
  await expect(verdict).toContainText("It can be enrolled from");
  await page.waitForResponse(/admin.v1.checks/);
  await expect(findings.first()).toBeVisible();
  await shot(page, "checks-open", true);
  await page.getByLabel("Find an edge by address or name").fill("wedding");
  await expect.poll(() => asked.at(-1)).toBe("?text=wedding");
  expect(await page.evaluate(() => "hacked" in window), "a name was run").toBe(false);

  // Who did what: the newest first, of all, of an edge, of a session.
  await page.getByRole("tab", { name: "Edges" }).click();
  await page.locator("tbody tr").filter({ hasText: "Leipzig" }).getByRole("button", { name: "Drain" }).click();
  await confirm(page, "Drain", "a <b>new</b> disk");
  await page.getByRole("tab", { name: "Audit" }).click();
  const acts = page.getByRole("table", { name: "Audit log" }).locator("tbody tr");
  await expect(acts.first()).toContainText("Edge drained");
  await expect(acts.first()).toContainText("a <b>new</b> disk");
  await expect(acts.first()).toContainText("ada");
  await expect(acts).toHaveCount(10); // nine leases
  await shot(page, "audit");
  await acts.first().getByRole("button", { name: "Only acts of edge" }).click();
  await expect(acts.first()).toContainText("Edge drained");
  await expect(acts.filter({ hasText: "Lease granted" })).toHaveCount(1);
  await page.getByLabel("Acts of one edge").fill("");
  await expect(acts).toHaveCount(10);
  await acts.last().getByRole("button", { name: "Only acts of session" }).click();
  await expect(acts).toHaveCount(1);
  await page.getByLabel("Acts of one session").fill("s-nobody");
  await expect(page.getByText("Nothing was done about it.")).toBeVisible();
  expect(broken).toEqual([]);
  await others.close();
  await signaling.stop();
});

for (const scheme of ["dark", "light"] as const) {
  test(`the console fits a phone, ${scheme}`, async ({ browser }) => {
    const signaling = await start();
    const others = await people(browser, signaling, EDGES, 3);
    const phone = await browser.newContext({
      ...{ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: scheme },
    });
    const page = await phone.newPage();
    await keepsChecks(page);
    await signIn(page, signaling);
    await expect(page.locator("tbody tr")).toHaveCount(4);
    for (const tab of ["Edges", "Sessions", "Orders", "Audit", "Nodes", "Checks"]) {
      await page.getByRole("tab", { name: tab }).click();
      await expect(page.getByText("Asking…")).toHaveCount(0);
      if (tab === "Checks") await page.locator("summary").first().click();
      const wide = await page.evaluate(() => {
        const inner = document.querySelector("nl-console")?.shadowRoot?.querySelectorAll("header *, main *") ?? [];
        return Math.max(document.documentElement.scrollWidth, ...[...inner].map((one) => one.getBoundingClientRect().right));
      });
      expect(wide, `${tab} is wider than the screen`).toBeLessThanOrEqual(390);
      await shot(page, `phone-${scheme}-${tab.toLowerCase()}`, tab === "Checks");
    }
    const low = await page.evaluate(() => {
      const buttons =
        document.querySelector("nl-console")?.shadowRoot?.querySelectorAll("main :is(button, summary, input)") ?? [];
      return [...buttons].filter((button) => button.getBoundingClientRect().height < 44).length;
    });
    expect(low, "buttons that are too small for a thumb").toBe(0);
    await phone.close();
    await others.close();
    await signaling.stop();
  });
}

test("the console may run nothing but what we built, and players are not served it", async ({ request }) => {
  const signaling = await start();
  const page = await request.get(signaling.console);
  expect(page.headers()["content-security-policy"]).toContain("default-src 'none'; script-src 'self'");
  expect(page.headers()["x-frame-options"]).toBe("DENY");
  expect((await request.get(`${signaling.url}admin.html`)).status()).toBe(404);
  expect((await request.get(`${signaling.url}admin/v1/edges`)).status()).toBe(404);
  expect((await request.get(`${signaling.console}index.html`)).status()).toBe(404);
  await signaling.stop();
});
