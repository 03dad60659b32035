import { decodeMarker, MARKER_HEIGHT, MARKER_WIDTH, type Marker, type MarkerFault } from "@nearlight/player";

/** late: the video had gone on to the next frame before this one was read. */
export type ReadingFault = MarkerFault | "late";

/** What reading one frame's marker gave, and what it cost. */
export interface Reading {
  readonly marker: Marker | ReadingFault;
  /** Milliseconds that the page's thread was held. */
  readonly held: number;
  /** Milliseconds until the samples were there. */
  readonly waited: number;
}

/** Both times are the frame's own, one of them rounded. */
const SAME_FRAME_US = 1;

/**
 * Reads the marker out of a video's current frame. Only the marker's corner is copied, and the page's thread does not wait for
 * the copy, so that reading does not disturb what is measured. Where the browser has no VideoFrame a small canvas is read.
 */
export class MarkerReader {
  readonly #video: HTMLVideoElement;
  #buffer = new Uint8Array(MARKER_WIDTH * MARKER_HEIGHT * 4);
  #canvas: CanvasRenderingContext2D | null = null;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  get method(): "VideoFrame" | "canvas" {
    return "VideoFrame" in globalThis ? "VideoFrame" : "canvas";
  }

  /** Reads the frame of the given media time, in seconds. Call it from that frame's callback: soon the video shows the next one. */
  async read(mediaTime: number): Promise<Reading> {
    const began = performance.now();
    const { videoWidth, videoHeight, readyState } = this.#video;
    // The very first callback comes before the element has the frame.
    if (videoWidth < MARKER_WIDTH || videoHeight < MARKER_HEIGHT || readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
      return { marker: "absent", held: 0, waited: 0 };
    }
    if (this.method === "canvas") {
      const marker = this.#readCanvas();
      const held = performance.now() - began;
      return { marker, held, waited: held };
    }
    const frame = new VideoFrame(this.#video);
    try {
      if (Math.abs(frame.timestamp - mediaTime * 1e6) > SAME_FRAME_US)
        return { marker: "late", held: performance.now() - began, waited: 0 };
      const from = frame.visibleRect;
      const rect = { x: from?.x ?? 0, y: from?.y ?? 0, width: MARKER_WIDTH, height: MARKER_HEIGHT };
      const size = frame.allocationSize({ rect });
      if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
      const buffer = this.#buffer.slice(0, size); // a second read may begin before this one ends
      const copying = frame.copyTo(buffer, { rect });
      const held = performance.now() - began;
      const [plane] = await copying;
      const luma = frame.format?.startsWith("I4") || frame.format === "NV12" ? buffer : lumaOf(buffer, frame.format);
      const stride = luma === buffer ? (plane?.stride ?? MARKER_WIDTH) : MARKER_WIDTH;
      const decodeBegan = performance.now();
      const marker = decodeMarker(
        luma.subarray(luma === buffer ? (plane?.offset ?? 0) : 0),
        MARKER_WIDTH,
        MARKER_HEIGHT,
        stride,
      );
      return { marker, held: held + performance.now() - decodeBegan, waited: decodeBegan - began };
    } finally {
      frame.close();
    }
  }

  #readCanvas(): Marker | MarkerFault {
    if (this.#canvas === null) {
      const canvas = document.createElement("canvas");
      canvas.width = MARKER_WIDTH;
      canvas.height = MARKER_HEIGHT;
      this.#canvas = canvas.getContext("2d", { willReadFrequently: true });
    }
    const context = this.#canvas;
    if (context === null) return "absent";
    const area = [0, 0, MARKER_WIDTH, MARKER_HEIGHT] as const;
    context.drawImage(this.#video, ...area, ...area);
    const pixels = context.getImageData(...area).data;
    return decodeMarker(lumaOf(new Uint8Array(pixels.buffer), "RGBA"), MARKER_WIDTH, MARKER_HEIGHT, MARKER_WIDTH);
  }
}

/** The luma of pixels of four octets each, by BT.709's weights; the marker is black and white, so they decide little. */
function lumaOf(pixels: Uint8Array, format: string | null): Uint8Array {
  const [red, blue] = format?.startsWith("BGR") ? [2, 0] : [0, 2];
  const luma = new Uint8Array(pixels.length / 4);
  for (let i = 0; i < luma.length; i++) {
    const at = i * 4;
    luma[i] = ((pixels[at + red] ?? 0) * 54 + (pixels[at + 1] ?? 0) * 183 + (pixels[at + blue] ?? 0) * 19) >> 8;
  }
  return luma;
}
