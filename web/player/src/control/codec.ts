/**
 * The binary messages of a session's two data channels. The Go package streamer/control holds the contract; both read its
 * golden files. Times are whole microseconds: the browser's performance.now(), the edge's CLOCK_MONOTONIC.
 */
import { type Notice, parseNotice } from "./notice.js";

export type ChannelName = "motion" | "control";

/** A place in the picture: 0 is its first column or row, 65535 its last. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export type ToEdge =
  | { readonly type: "move"; readonly seq: number; readonly x: number; readonly y: number }
  | { readonly type: "turn"; readonly seq: number; readonly dx: number; readonly dy: number }
  | { readonly type: "held"; readonly seq: number; readonly buttons: number; readonly keys: readonly number[] }
  | {
      readonly type: "ack";
      readonly rtp: number;
      readonly received: number;
      readonly presented: number;
      readonly decode: number;
      readonly frames: number;
    }
  | { readonly type: "ping"; readonly id: number; readonly sent: number }
  | { readonly type: "key"; readonly seq: number; readonly down: boolean; readonly code: number }
  | {
      readonly type: "button";
      readonly seq: number;
      readonly down: boolean;
      readonly button: number;
      readonly at: boolean;
      readonly x: number;
      readonly y: number;
    }
  | { readonly type: "wheel"; readonly seq: number; readonly dx: number; readonly dy: number }
  | { readonly type: "text"; readonly seq: number; readonly text: string }
  | { readonly type: "release"; readonly seq: number };

export interface Cursor {
  readonly type: "cursor";
  readonly serial: number;
  /** 0 hides the pointer; then there is no picture either. */
  readonly width: number;
  readonly height: number;
  /** The hot spot, inside the picture. */
  readonly x: number;
  readonly y: number;
  readonly png: Uint8Array<ArrayBuffer>;
}

export type FromEdge =
  | { readonly type: "pong"; readonly id: number; readonly sent: number; readonly edge: number }
  | Cursor
  | { readonly type: "alive"; readonly edge: number }
  | { readonly type: "notice"; readonly notice: Notice };

export const MAX_HELD_KEYS = 32;
export const MAX_TEXT_OCTETS = 256;
const MAX_CURSOR_SIDE = 256;
const MAX_CURSOR_OCTETS = 128 << 10;
const MAX_NOTICE_OCTETS = 64 << 10;

const U32 = 2 ** 32;

/** The channel that carries each message: what a later one makes good may be lost, the rest not. */
export function channelOf(type: ToEdge["type"]): ChannelName {
  switch (type) {
    case "move":
    case "turn":
    case "held":
    case "ack":
    case "ping":
      return "motion";
    default:
      return "control";
  }
}

/** Writes one message. Fields are the caller's to keep in range: integers are cut to their width as DataView does it. */
export function encode(m: ToEdge): Uint8Array<ArrayBuffer> {
  switch (m.type) {
    case "move":
      return write(0x01, 8, (v) => {
        v.setUint32(1, m.seq);
        v.setUint16(5, m.x);
        v.setUint16(7, m.y);
      });
    case "turn":
      return write(0x02, 12, (v) => {
        v.setUint32(1, m.seq);
        v.setInt32(5, m.dx);
        v.setInt32(9, m.dy);
      });
    case "held": {
      const keys = m.keys.slice(0, MAX_HELD_KEYS);
      return write(0x03, 6 + 2 * keys.length, (v) => {
        v.setUint32(1, m.seq);
        v.setUint8(5, m.buttons);
        v.setUint8(6, keys.length);
        keys.forEach((code, i) => {
          v.setUint16(7 + 2 * i, code);
        });
      });
    }
    case "ack":
      return write(0x04, 28, (v) => {
        v.setUint32(1, m.rtp);
        setTime(v, 5, m.received);
        setTime(v, 13, m.presented);
        v.setUint32(21, m.decode);
        v.setUint32(25, m.frames);
      });
    case "ping":
      return write(0x05, 12, (v) => {
        v.setUint32(1, m.id);
        setTime(v, 5, m.sent);
      });
    case "key":
      return write(0x10, 7, (v) => {
        v.setUint32(1, m.seq);
        v.setUint8(5, m.down ? 1 : 0);
        v.setUint16(6, m.code);
      });
    case "button":
      return write(0x11, 11, (v) => {
        v.setUint32(1, m.seq);
        v.setUint8(5, m.down ? 1 : 0);
        v.setUint8(6, m.button);
        v.setUint8(7, m.at ? 1 : 0);
        v.setUint16(8, m.x);
        v.setUint16(10, m.y);
      });
    case "wheel":
      return write(0x12, 8, (v) => {
        v.setUint32(1, m.seq);
        v.setInt16(5, m.dx);
        v.setInt16(7, m.dy);
      });
    case "text": {
      const octets = new TextEncoder().encode(m.text);
      return write(0x13, 6 + octets.length, (v, bytes) => {
        v.setUint32(1, m.seq);
        v.setUint16(5, octets.length);
        bytes.set(octets, 7);
      });
    }
    case "release":
      return write(0x14, 4, (v) => v.setUint32(1, m.seq));
  }
}

function write(
  type: number,
  length: number,
  fill: (view: DataView, bytes: Uint8Array<ArrayBuffer>) => void,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + length);
  bytes[0] = type;
  fill(new DataView(bytes.buffer), bytes);
  return bytes;
}

/** Reads one message that came on channel, null where it is malformed: the receiver drops and counts it. */
export function decode(channel: ChannelName, bytes: Uint8Array<ArrayBuffer>): FromEdge | null {
  if (bytes.length === 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint8(0);
  if (channel === "motion") return type === 0x81 ? readPong(view) : null;
  switch (type) {
    case 0x90:
      return readCursor(view, bytes);
    case 0x91: {
      const edge = view.byteLength === 9 ? getTime(view, 1) : null;
      return edge === null ? null : { type: "alive", edge };
    }
    case 0x92: {
      if (view.byteLength < 5 || view.getUint32(1) !== view.byteLength - 5) return null;
      if (view.byteLength - 5 > MAX_NOTICE_OCTETS) return null;
      const notice = parseNotice(bytes.subarray(5));
      return notice === null ? null : { type: "notice", notice };
    }
    default:
      return null;
  }
}

function readPong(view: DataView): FromEdge | null {
  if (view.byteLength !== 21) return null;
  const sent = getTime(view, 5);
  const edge = getTime(view, 13);
  return sent === null || edge === null ? null : { type: "pong", id: view.getUint32(1), sent, edge };
}

function readCursor(view: DataView, bytes: Uint8Array<ArrayBuffer>): Cursor | null {
  if (view.byteLength < 17) return null;
  const [width, height, x, y] = [view.getUint16(5), view.getUint16(7), view.getUint16(9), view.getUint16(11)];
  const octets = view.getUint32(13);
  if (octets !== view.byteLength - 17 || octets > MAX_CURSOR_OCTETS) return null;
  const hidden = width === 0 && height === 0 && x === 0 && y === 0 && octets === 0;
  const shown = octets > 0 && x < width && y < height && width <= MAX_CURSOR_SIDE && height <= MAX_CURSOR_SIDE;
  if (!hidden && !shown) return null;
  return { type: "cursor", serial: view.getUint32(1), width, height, x, y, png: bytes.slice(17) };
}

function setTime(view: DataView, at: number, micros: number): void {
  view.setUint32(at, Math.floor(micros / U32));
  view.setUint32(at + 4, micros % U32);
}

/** A time, null where it is beyond what a JavaScript number holds exactly: no clock has run for 285 years. */
function getTime(view: DataView, at: number): number | null {
  const micros = view.getUint32(at) * U32 + view.getUint32(at + 4);
  return Number.isSafeInteger(micros) ? micros : null;
}
