import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Bond } from "./binding/bond.js";
import { trustOf } from "./binding/trust.js";
import { Link } from "./link.js";

interface Exchange {
  readonly secret: string;
  readonly token: string;
  readonly session: string;
  readonly offer: { readonly sdp: string; readonly edge: object };
  readonly answer: { readonly sdp: string; readonly player: object };
  readonly bound: { readonly signature: string };
}

const file = new URL("../../../signaling/binding/testdata/exchanges.json", import.meta.url);
const [exchange] = JSON.parse(readFileSync(file, "utf8")) as [Exchange];
const middle = exchange.offer.sdp.replace(/(a=fingerprint:sha-256 )\S+/, `$1${Array(32).fill("66").join(":")}`);

/** Signaling's side of the socket. */
class FakeSocket {
  static last: FakeSocket;
  readonly sent: { type: string; player?: object }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    FakeSocket.last = this;
    queueMicrotask(() => this.onopen?.());
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {}
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  /** Offers, and waits for the answer. */
  async offer(message: object): Promise<void> {
    const answers = () => this.sent.filter(({ type }) => type === "answer").length;
    const before = answers();
    this.say({ type: "offer", ...message });
    await vi.waitFor(() => expect(answers()).toBe(before + 1), { timeout: 10_000, interval: 1 });
  }
}

/** A connection whose other end the test is. */
class FakeConnection {
  static all: FakeConnection[] = [];
  remoteDescription: object | null = null;
  localDescription: { sdp: string } | null = null;
  connectionState = "new";
  closed = false;
  readonly channel = {
    label: "control",
    readyState: "open",
    bufferedAmount: 0,
    sent: 0,
    send() {
      this.sent++;
    },
  };
  ontrack: ((event: object) => void) | null = null;
  ondatachannel: ((event: object) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  constructor() {
    FakeConnection.all.push(this);
  }
  async setRemoteDescription(description: object): Promise<void> {
    const first = this.remoteDescription === null;
    this.remoteDescription = description;
    if (!first) return;
    this.ontrack?.({ receiver: {}, track: { kind: "video" }, streams: ["pictures"] });
    this.ondatachannel?.({ channel: this.channel });
  }
  getTransceivers(): object[] {
    return [];
  }
  async createAnswer(): Promise<{ sdp: string }> {
    return { sdp: exchange.answer.sdp };
  }
  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
  }
  async addIceCandidate(): Promise<void> {}
  close(): void {
    this.closed = true;
  }
  connect(): void {
    this.connectionState = "connected";
    this.onconnectionstatechange?.();
  }
}

beforeEach(() => {
  FakeConnection.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("RTCPeerConnection", FakeConnection);
});
afterEach(() => vi.unstubAllGlobals());

/** A link that was matched and has answered the edge's offer, and what it told. */
async function answered() {
  const trust = trustOf(exchange.token);
  if (trust === null) throw new Error("the token demands nothing");
  const link = new Link(
    { signal: "http://play.example", token: exchange.token, codecs: ["h264"], ready: Promise.resolve() },
    Promise.resolve(new Bond(trust, exchange)),
  );
  const told: string[] = [];
  for (const name of ["connected", "stream", "anew"] as const) link.on(name, () => told.push(name));
  link.on("failed", ({ code }) => told.push(code));
  const socket = FakeSocket.last;
  socket.say({ type: "matched", session: exchange.session, edge: { id: "e", name: "" }, iceServers: [] });
  await socket.offer(exchange.offer);
  return { link, told, socket, first: FakeConnection.all[0] as FakeConnection };
}

it("signs its answer", async () => {
  const { socket } = await answered();
  expect(socket.sent.find(({ type }) => type === "answer")?.player).toEqual(exchange.answer.player);
});

it("shows and sends nothing before the edge has signed", async () => {
  const { link, told, socket, first } = await answered();
  first.connect();
  link.send({ type: "ping", id: 1, sent: 1 });
  expect([told, first.channel.sent]).toEqual([[], 0]);
  socket.say({ type: "bound", ...exchange.bound });
  expect(told.toSorted()).toEqual(["connected", "stream"]);
  link.send({ type: "release", seq: 1 } as never);
  expect(first.channel.sent).toBe(1);
});

it("shows at once what comes when the edge has signed", async () => {
  const { told, socket, first } = await answered();
  socket.say({ type: "bound", ...exchange.bound });
  first.connect();
  expect(told).toEqual(["stream", "connected"]);
});

it("ends, with nothing shown, when what the edge signed is another connection", async () => {
  const { told, socket, first } = await answered();
  first.connect();
  socket.say({ type: "bound", signature: `0x${"11".repeat(64)}1b` });
  expect([told, first.closed]).toEqual([["unproven"], true]);
});

it("takes a second description for a second connection, of which nothing is proven", async () => {
  for (const restart of [false, true]) {
    FakeConnection.all = [];
    const { told, socket, first } = await answered();
    socket.say({ type: "bound", ...exchange.bound });
    await socket.offer({ ...exchange.offer, sdp: middle, restart });
    const second = FakeConnection.all[1] as FakeConnection;
    second.connect();
    expect([first.closed, told]).toEqual([true, ["stream", "anew"]]);
    socket.say({ type: "bound", ...exchange.bound });
    expect(told).toEqual(["stream", "anew", "unproven"]);
  }
});

it("takes new ways from the same machine alone", async () => {
  const { told, socket, first } = await answered();
  socket.say({ type: "bound", ...exchange.bound });
  first.connect();
  await socket.offer({ ...exchange.offer, restart: true });
  expect([first.closed, told]).toEqual([false, ["stream", "connected"]]);
  socket.say({ type: "offer", ...exchange.offer, sdp: middle, restart: true });
  await vi.waitFor(() => expect([first.closed, told]).toEqual([true, ["stream", "connected", "unproven"]]));
});

/** A connection by which a probe counts what is answered, all after 12 ms. */
class FakeProbe {
  static closed = 0;
  readonly localDescription = { sdp: "v=0\r\na=mid:0\r\n" };
  createDataChannel(): void {}
  async setLocalDescription(): Promise<void> {}
  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    this.remote = sdp;
  }
  remote = "";
  async getStats(): Promise<Map<string, object>> {
    const answers = this.remote.includes("192.0.2.1 9 ") ? 3 : 0;
    return new Map([["pair", { type: "candidate-pair", responsesReceived: answers, totalRoundTripTime: 0.012 * answers }]]);
  }
  close(): void {
    FakeProbe.closed++;
  }
}

const question = {
  type: "measure",
  round: 7,
  edges: [
    { edge: "near", at: ["192.0.2.1:9"] },
    { edge: "silent", at: ["192.0.2.2:9"] },
  ],
};

function asking() {
  FakeProbe.closed = 0;
  vi.stubGlobal("RTCPeerConnection", FakeProbe);
  const link = new Link({ signal: "http://play.example", token: "t", codecs: ["h264"], ready: Promise.resolve() }, null);
  return { link, socket: FakeSocket.last };
}

it("tells signaling how far the edges are that it is asked about", async () => {
  const { link, socket } = asking();
  await vi.waitFor(() => expect(socket.sent[0]).toMatchObject({ type: "play", measures: true }));
  socket.say(question);
  await vi.waitFor(() => expect(socket.sent).toHaveLength(2), { timeout: 5_000 });
  const { edges, ...rest } = socket.sent[1] as unknown as { edges: { edge: string; roundTrips: number[]; failed: number }[] };
  expect(rest).toEqual({ type: "measured", round: 7 });
  const rounded = edges.map((one) => ({ ...one, roundTrips: one.roundTrips.map(Math.round) }));
  expect(rounded).toEqual([
    { edge: "near", roundTrips: [12, 12, 12], failed: 0 },
    { edge: "silent", roundTrips: [], failed: 3 },
  ]);
  expect(FakeProbe.closed).toBe(2);
  link.close(false);
});

it("stops measuring when it is closed, and says nothing more", async () => {
  const { link, socket } = asking();
  await vi.waitFor(() => expect(socket.sent).toHaveLength(1));
  socket.say(question);
  link.close(false);
  await vi.dynamicImportSettled();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([socket.sent.length, FakeProbe.closed]).toEqual([1, 0]);
});

it("answers with nothing where the browser lets nothing be measured", async () => {
  const { link, socket } = asking();
  vi.stubGlobal("RTCPeerConnection", undefined);
  await vi.waitFor(() => expect(socket.sent).toHaveLength(1));
  socket.say(question);
  await vi.waitFor(() => expect(socket.sent).toHaveLength(2), { timeout: 5_000 });
  expect(socket.sent[1]).toMatchObject({ type: "measured", round: 7, edges: [{ failed: 3 }, { failed: 3 }] });
  link.close(false);
});
