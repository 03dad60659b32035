import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ChannelName, channelOf, decode, encode, type ToEdge } from "./codec.js";
import { EVDEV } from "./keys.js";

interface Golden {
  readonly name: string;
  readonly channel: ChannelName;
  readonly from: "player" | "edge";
  readonly hex: string;
  readonly message: { readonly type: string } & Record<string, unknown>;
}

const read = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../streamer/control/testdata/${file}`, import.meta.url), "utf8"));
const golden = read("golden.json") as { readonly messages: readonly Golden[]; readonly malformed: readonly Golden[] };
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

describe("messages to the edge", () => {
  it.each(golden.messages.filter(({ from }) => from === "player"))("$name", ({ channel, hex, message }) => {
    const toEdge = message as unknown as ToEdge;
    expect(Buffer.from(encode(toEdge)).toString("hex")).toBe(hex);
    expect(channelOf(toEdge.type)).toBe(channel);
  });
});

describe("messages from the edge", () => {
  it.each(golden.messages.filter(({ from }) => from === "edge"))("$name", ({ channel, hex, message }) => {
    expect(flat(decode(channel, bytes(hex)))).toMatchObject(flat(message) as object);
  });

  it.each(golden.malformed.filter(({ from }) => from === "edge"))("refuses $name", ({ channel, hex }) => {
    expect(decode(channel, bytes(hex))).toBeNull();
  });

  it("never throws, whatever comes", () => {
    const seen = golden.messages.map(({ hex }) => bytes(hex));
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % below;
    };
    for (let i = 0; i < 20_000; i++) {
      const mutated = (seen[random(seen.length)] ?? new Uint8Array(1)).slice(0, 1 + random(300));
      for (let n = random(4); n > 0; n--) mutated[random(mutated.length)] = random(256);
      decode(random(2) === 0 ? "motion" : "control", mutated);
    }
  });
});

describe("the key table", () => {
  it("is the one that the edge's tests read", () => {
    expect(EVDEV).toEqual(read("keys.json"));
  });
});

/** The golden file writes pictures in hexadecimal and a notice's figures by their wire names. */
function flat(message: unknown): unknown {
  if (typeof message !== "object" || message === null) return message;
  const { notice, png, ...rest } = message as { notice?: Record<string, unknown>; png?: string | Uint8Array };
  if (png !== undefined) return { ...rest, png: typeof png === "string" ? png : Buffer.from(png).toString("hex") };
  if (notice === undefined) return rest;
  const { bitrate_bps, rtt, link, ...fields } = notice;
  if (bitrate_bps === undefined) return { ...rest, notice: link === undefined ? fields : { ...fields, link } };
  return { ...rest, notice: { ...fields, bitrate: bitrate_bps, link: flatLink(link as Record<string, unknown> | undefined) } };
}

function flatLink(link: Record<string, unknown> | null | undefined): unknown {
  if (link?.["target_bps"] === undefined) return link ?? null; // none, or as it was read
  const { target_bps: target, capacity_bps: capacity, queue_ms: queue, left_out: leftOut = 0, ...fields } = link;
  return { ...fields, target, capacity, queue, leftOut };
}
