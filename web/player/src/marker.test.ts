import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeMarker } from "./marker.js";

interface Vector {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly luma: string;
  readonly stamp: { readonly micros: number; readonly input: number; readonly counter: number } | null;
  readonly error: "" | "absent" | "checksum";
}

const file = new URL("../../../internal/marker/testdata/vectors.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { readonly vectors: readonly Vector[] };

describe("the marker in a frame", () => {
  it.each(vectors)("$name", ({ width, height, stride, luma, stamp, error }) => {
    const plane = new Uint8Array(inflateSync(Buffer.from(luma, "base64")));
    expect(decodeMarker(plane, width, height, stride)).toEqual(error === "" ? stamp : error);
  });

  it("is absent where the samples end before the block does", () => {
    expect(decodeMarker(new Uint8Array(71 * 128 + 127), 128, 72, 128)).toBe("absent");
  });
});
