import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode, decodeApps, encode, type ToSignaling } from "./messages.js";

interface Golden {
  readonly direction: string;
  readonly message?: unknown;
  readonly raw?: string;
  readonly refused?: string;
}

const folder = new URL("../../../../signaling/testdata/", import.meta.url);
const goldens = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => ({
    file,
    golden: JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Golden,
  }));
const toPlayer = goldens.filter(({ golden }) => golden.direction === "signaling-to-player");
const fromPlayer = goldens.filter(({ golden }) => golden.direction === "player-to-signaling" && golden.message !== undefined);

describe("messages from signaling", () => {
  const good = toPlayer.filter(({ golden }) => golden.message !== undefined);
  it.each(good)("$file is read field by field", ({ golden }) => {
    expect(decode(JSON.stringify(golden.message))).toEqual(golden.message);
  });

  const bad = toPlayer.filter(({ golden }) => golden.refused !== undefined);
  it.each(bad)("$file is refused", ({ golden }) => {
    expect(() => decode(golden.raw ?? "")).toThrowError(expect.objectContaining({ code: "protocol" }));
  });

  it("finds golden files of both sorts", () => {
    expect(good.length).toBeGreaterThan(8);
    expect(bad.length).toBeGreaterThan(8);
  });

  it.each(["", "null", "[]", "7", '{"type":4}', '{"type":"dance"}', "{"])("%j is refused", (text) => {
    expect(() => decode(text)).toThrowError(expect.objectContaining({ code: "protocol" }));
  });
});

describe("messages to signaling", () => {
  it.each(fromPlayer)("$file is what is written", ({ golden }) => {
    expect(JSON.parse(encode(golden.message as ToSignaling))).toEqual(golden.message);
  });
});

describe("the catalogue", () => {
  it("shows an app without a title by its name, and lists that Go wrote as null as empty", () => {
    expect(decodeApps({ apps: [{ name: "pong", keys: null }] })).toEqual([
      { name: "pong", title: "pong", summary: "", keys: [], package: "", installed: false },
    ]);
  });

  it("refuses what is no list of apps", () => {
    expect(() => decodeApps({ apps: [{ title: "nameless" }] })).toThrowError(expect.objectContaining({ code: "protocol" }));
    expect(() => decodeApps(null)).toThrowError(expect.objectContaining({ code: "protocol" }));
  });
});
