import type { Cursor } from "./control/codec.js";

/** Browsers refuse a larger cursor picture; a larger one is shown smaller. */
const MAX_SIDE = 128;

/** Shows the game's pointer as the browser's own over an element, so that it moves without any latency. */
export class CursorStyle {
  readonly #element: HTMLElement;
  #url: string | null = null;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  show(cursor: Cursor): void {
    const before = this.#url;
    this.#url = null;
    if (cursor.width === 0) {
      this.#element.style.cursor = "none";
    } else {
      this.#url = URL.createObjectURL(new Blob([cursor.png], { type: "image/png" }));
      this.#element.style.cursor = cursorValue(this.#url, cursor);
    }
    if (before !== null) URL.revokeObjectURL(before);
  }

  close(): void {
    this.#element.style.cursor = "";
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }
}

/** The CSS value that shows a picture with its hot spot. */
export function cursorValue(url: string, { width, height, x, y }: Pick<Cursor, "width" | "height" | "x" | "y">): string {
  const shrink = Math.ceil(Math.max(width, height) / MAX_SIDE);
  if (shrink <= 1) return `url("${url}") ${x} ${y}, default`;
  return `image-set(url("${url}") ${shrink}x) ${Math.floor(x / shrink)} ${Math.floor(y / shrink)}, default`;
}
