import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type ProbeConnection, probe } from "./probe.js";
import type { ProbeTarget } from "./signaling/messages.js";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A connection whose statistics say what they are told to, reading by reading; the last one stays. */
class Fake implements ProbeConnection {
  closed = false;
  remote = "";
  localDescription = { type: "offer", sdp: "v=0\r\na=mid:data\r\n" } as RTCSessionDescription;
  readonly #readings: [pair: string, responses: unknown, seconds: unknown][][];

  constructor(readings: [string, unknown, unknown][][]) {
    this.#readings = readings;
  }

  createDataChannel(): RTCDataChannel {
    return {} as RTCDataChannel;
  }

  async setLocalDescription(): Promise<void> {}

  async setRemoteDescription({ sdp }: RTCSessionDescriptionInit): Promise<void> {
    this.remote = sdp ?? "";
  }

  async getStats(): Promise<RTCStatsReport> {
    const reading = this.#readings.length > 1 ? this.#readings.shift() : this.#readings[0];
    const entries = (reading ?? []).map(
      ([id, responsesReceived, totalRoundTripTime]) =>
        [id, { id, type: "candidate-pair", responsesReceived, totalRoundTripTime }] as const,
    );
    return new Map<string, unknown>([...entries, ["other", { type: "transport" }]]) as unknown as RTCStatsReport;
  }

  close(): void {
    this.closed = true;
  }
}

const near: ProbeTarget = { edge: "near", at: ["192.0.2.1:9"] };

/** Probes with these connections, one for each target, and lets all the time pass that it takes. */
async function run(targets: ProbeTarget[], fakes: Fake[], signal?: AbortSignal) {
  const left = [...fakes];
  const probing = probe(targets, signal === undefined ? {} : { signal }, () => {
    const fake = left.shift();
    if (fake === undefined) throw new Error("no more connections");
    return fake;
  });
  probing.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(1000);
  for (const fake of fakes) if (!left.includes(fake)) expect(fake.closed).toBe(true);
  return probing;
}

it("takes each round trip from what the statistics have grown by", async () => {
  const fake = new Fake([[], [["a", 0, 0]], [["a", 1, 0.02]], [["a", 1, 0.02]], [["a", 3, 0.05]]]);
  const [result] = await run([near], [fake]);
  expect(result?.edge).toBe("near");
  expect(result?.failed).toBe(0);
  expect(result?.roundTrips.map((ms) => Math.round(ms))).toEqual([20, 15, 15]);
});

it("is over as soon as every edge has been measured", async () => {
  const began = Date.now();
  const probing = probe([near], {}, () => new Fake([[["a", 3, 0.03]]]));
  await vi.advanceTimersByTimeAsync(20);
  await probing;
  expect(Date.now() - began).toBe(20);
});

it("gives what there is when the time is over", async () => {
  const silent = { edge: "silent", at: near.at };
  const results = await run([near, silent], [new Fake([[["a", 1, 0.1]]]), new Fake([[]])]);
  expect(results).toEqual([
    { edge: "near", roundTrips: [100], failed: 2 },
    { edge: "silent", roundTrips: [], failed: 3 },
  ]);
});

it("takes a round trip that a browser counts as none for half a millisecond", async () => {
  const [result] = await run([near], [new Fake([[["a", 3, 0]]])]);
  expect(result?.roundTrips).toEqual([0.5, 0.5, 0.5]);
});

it("does not believe statistics that are no numbers, or negative", async () => {
  const wrong = new Fake([
    [
      ["a", "3", 1],
      ["b", 3, undefined],
      ["c", 3, -1],
      ["d", Number.NaN, Number.NaN],
    ],
  ]);
  expect(await run([near], [wrong])).toEqual([{ edge: "near", roundTrips: [], failed: 3 }]);
});

it("measures no more than eight, and one that cannot be measured hinders nobody", async () => {
  const targets = Array.from({ length: 20 }, (_, i) => ({ edge: `e${i}`, at: near.at }));
  const results = await run(targets, [new Fake([[["a", 3, 0.03]]])]);
  expect(results.map(({ failed }) => failed)).toEqual([0, 3, 3, 3, 3, 3, 3, 3]);
});

it("rejects when it is aborted, with the reason, and closes what it opened", async () => {
  const controller = new AbortController();
  const fake = new Fake([[]]);
  setTimeout(() => controller.abort(new Error("the player left")), 50);
  await expect(run([near], [fake], controller.signal)).rejects.toThrow("the player left");
  await expect(run([near], [], AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
});

it("describes an edge that answers under the credentials that edges know, at good addresses alone", async () => {
  const golden = new URL("../../../streamer/udpmux/testdata/probe.json", import.meta.url);
  const { user, password } = JSON.parse(readFileSync(golden, "utf8")) as { user: string; password: string };
  const fake = new Fake([[["a", 3, 0.03]]]);
  const at = ["192.0.2.1:9", "edge.example\r\na=x:9", "192.0.2.2:70000", "[2001:db8::1]:10"];
  await run([{ edge: "near", at }], [fake]);
  const lines = fake.remote.split("\r\n");
  expect(lines).toContain(`a=ice-ufrag:${user}`);
  expect(lines).toContain(`a=ice-pwd:${password}`);
  expect(lines).toContain("a=mid:data");
  expect(lines.filter((line) => line.startsWith("a=candidate"))).toEqual([
    "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host",
    "a=candidate:4 1 udp 2130706428 2001:db8::1 10 typ host",
  ]);
});
