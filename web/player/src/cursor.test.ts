import { expect, it } from "vitest";
import { cursorValue } from "./cursor.js";

it("names the picture and its hot spot", () => {
  expect(cursorValue("blob:x", { width: 24, height: 24, x: 3, y: 4 })).toBe('url("blob:x") 3 4, default');
});

it("shrinks a picture that browsers would refuse", () => {
  expect(cursorValue("blob:x", { width: 256, height: 200, x: 9, y: 128 })).toBe('image-set(url("blob:x") 2x) 4 64, default');
});
