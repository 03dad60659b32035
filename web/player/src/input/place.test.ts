import { describe, expect, it } from "vitest";
import { type Framing, placeIn } from "./place.js";

const exact: Framing = {
  left: 0,
  top: 0,
  width: 1280,
  height: 720,
  pictureWidth: 1280,
  pictureHeight: 720,
  fit: "contain",
  alignX: 0.5,
  alignY: 0.5,
  pixelRatio: 1,
};

/** The pixel that an edge finds at a place. */
function pixel(framing: Framing, clientX: number, clientY: number): readonly [number, number, boolean] {
  const place = placeIn(framing, clientX, clientY);
  if (place === null) throw new Error("no place");
  return [
    Math.round((place.x / 65535) * (framing.pictureWidth - 1)),
    Math.round((place.y / 65535) * (framing.pictureHeight - 1)),
    place.inside,
  ];
}

describe("the place under the pointer", () => {
  it("is the very pixel, over the whole width, when the picture has its own size", () => {
    for (let x = 0; x < 1280; x++) expect(pixel(exact, x, 0)[0]).toBe(x);
    for (let y = 0; y < 720; y++) expect(pixel(exact, 0, y)[1]).toBe(y);
  });

  it.each([
    { fit: "contain", width: 1280, height: 800, at: [0, 40], pixel: [0, 0, true], why: "bars above and below" },
    { fit: "contain", width: 1280, height: 800, at: [0, 39], pixel: [0, 0, false], why: "in the bar above" },
    { fit: "contain", width: 1280, height: 800, at: [1279, 759], pixel: [1279, 719, true], why: "the last pixel" },
    { fit: "contain", width: 1280, height: 800, at: [1279, 760], pixel: [1279, 719, false], why: "in the bar below" },
    { fit: "contain", width: 1480, height: 720, at: [100, 0], pixel: [0, 0, true], why: "bars at the sides" },
    { fit: "contain", width: 1480, height: 720, at: [99, 0], pixel: [0, 0, false], why: "in the bar at the left" },
    { fit: "contain", width: 2560, height: 1440, at: [201, 101], pixel: [100, 50, true], why: "each pixel is four" },
    { fit: "contain", width: 640, height: 360, at: [639, 359], pixel: [1278, 718, true], why: "a pointer between four pixels" },
    { fit: "cover", width: 1280, height: 1440, at: [0, 0], pixel: [320, 0, true], why: "the sides are cut off" },
    { fit: "fill", width: 640, height: 720, at: [320, 360], pixel: [641, 360, true], why: "stretched" },
    { fit: "none", width: 1480, height: 920, at: [100, 100], pixel: [0, 0, true], why: "at its own size" },
    { fit: "scale-down", width: 2560, height: 1440, at: [640, 360], pixel: [0, 0, true], why: "never enlarged" },
  ])("is right when $why ($fit)", ({ fit, width, height, at, pixel: want }) => {
    expect(pixel({ ...exact, fit, width, height }, at[0] ?? 0, at[1] ?? 0)).toEqual(want);
  });

  it("follows object-position", () => {
    expect(pixel({ ...exact, height: 900, alignY: 0 }, 5, 7)).toEqual([5, 7, true]);
    expect(pixel({ ...exact, height: 900, alignY: 1 }, 5, 187)).toEqual([5, 7, true]);
  });

  it("is exact on a screen of two device pixels each", () => {
    const dense = { ...exact, width: 640, height: 360, pixelRatio: 2 };
    for (let x = 0; x < 1280; x++) expect(pixel(dense, x / 2, 0)[0]).toBe(x);
  });

  it("is nowhere while there is no picture", () => {
    expect(placeIn({ ...exact, pictureWidth: 0 }, 1, 1)).toBeNull();
    expect(placeIn({ ...exact, height: 0 }, 1, 1)).toBeNull();
  });
});
