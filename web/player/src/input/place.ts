import type { Place } from "../control/codec.js";

/** Where the picture lies: its element's box on the page, and how the picture sits in that box. All in CSS pixels. */
export interface Framing {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** The picture's own size in its pixels. */
  readonly pictureWidth: number;
  readonly pictureHeight: number;
  readonly fit: string;
  /** CSS object-position, as fractions of the free space. */
  readonly alignX: number;
  readonly alignY: number;
  readonly pixelRatio: number;
}

/** A place in the picture, and whether the pointer is truly there: outside, the place is the nearest one inside. */
export interface Pointed extends Place {
  readonly inside: boolean;
}

/** Finds the place in the picture that lies under a point of the page; null while there is no picture. */
export function placeIn(f: Framing, clientX: number, clientY: number): Pointed | null {
  if (f.pictureWidth <= 0 || f.pictureHeight <= 0 || f.width <= 0 || f.height <= 0) return null;
  const [scaleX, scaleY] = scales(f);
  const [shownWidth, shownHeight] = [f.pictureWidth * scaleX, f.pictureHeight * scaleY];
  const left = f.left + (f.width - shownWidth) * f.alignX;
  const top = f.top + (f.height - shownHeight) * f.alignY;
  // A pointer stands on a device pixel, and the event names that pixel's corner: its middle is what points.
  const middle = 0.5 / f.pixelRatio;
  const x = (clientX + middle - left) / scaleX;
  const y = (clientY + middle - top) / scaleY;
  return {
    x: coordinate(x, f.pictureWidth),
    y: coordinate(y, f.pictureHeight),
    inside: x >= 0 && y >= 0 && x < f.pictureWidth && y < f.pictureHeight,
  };
}

function scales(f: Framing): [number, number] {
  const x = f.width / f.pictureWidth;
  const y = f.height / f.pictureHeight;
  switch (f.fit) {
    case "contain":
      return [Math.min(x, y), Math.min(x, y)];
    case "cover":
      return [Math.max(x, y), Math.max(x, y)];
    case "none":
      return [1, 1];
    case "scale-down":
      return [Math.min(x, y, 1), Math.min(x, y, 1)];
    default:
      return [x, y];
  }
}

/** A pixel's middle, i + 0.5, is i of the last column or row; 65535 is the last. */
function coordinate(pixels: number, size: number): number {
  if (size <= 1) return 0;
  return Math.round((Math.min(Math.max(pixels - 0.5, 0), size - 1) / (size - 1)) * 65535);
}

/** Reads the framing of a video element as it is now. */
export function framingOf(video: HTMLVideoElement): Framing {
  const box = video.getBoundingClientRect();
  const style = getComputedStyle(video);
  const [alignX, alignY] = style.objectPosition.split(" ").map(fraction);
  return {
    left: box.left,
    top: box.top,
    width: box.width,
    height: box.height,
    pictureWidth: video.videoWidth,
    pictureHeight: video.videoHeight,
    fit: style.objectFit,
    alignX: alignX ?? 0.5,
    alignY: alignY ?? 0.5,
    pixelRatio: devicePixelRatio,
  };
}

/** Percentages are what browsers compute object-position to; a length in its place means the start. */
function fraction(position: string): number {
  return position.endsWith("%") ? Number.parseFloat(position) / 100 : 0;
}
