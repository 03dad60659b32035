/**
 * Reads the machine-readable block in a frame's top left corner. The Go package internal/marker holds the layout and the
 * golden vectors; this is the browser's twin of its decoder.
 */

/** The block's size in pixels. */
export const MARKER_WIDTH = 128;
export const MARKER_HEIGHT = 72;

const CELL = 8;
const COLUMNS = MARKER_WIDTH / CELL;
const ROWS = MARKER_HEIGHT / CELL;
/** Octets that the checksum covers. */
const PAYLOAD = 12;
/** Samples of a cell that are read. */
const SAMPLES = 16;
/** The first row, white and black in turn. */
const FIRST_ROW = 0b1010_1010_1010_1010;
/** How many cells of it may be read wrong. */
const FIRST_ROW_MENDABLE = 2;
/** Least distance of mean white and mean black, in luma steps, at which a block counts as present. */
const MIN_CONTRAST = 64;

export interface Marker {
  /** The edge's CLOCK_MONOTONIC in microseconds, modulo 2^48. */
  readonly micros: number;
  /** Sequence of the last input answered, 0 for none. */
  readonly input: number;
  /** Frame counter, modulo 2^16. */
  readonly counter: number;
}

/** absent: no block is there. checksum: there is one, but torn or blurred beyond reading. */
export type MarkerFault = "absent" | "checksum";

/** Reads the block from 8-bit luma whose rows lie stride octets apart, starting at the picture's first pixel. */
export function decodeMarker(luma: Uint8Array, width: number, height: number, stride: number): Marker | MarkerFault {
  const tooSmall = width < MARKER_WIDTH || height < MARKER_HEIGHT || stride < MARKER_WIDTH;
  if (tooSmall || luma.length < (MARKER_HEIGHT - 1) * stride + MARKER_WIDTH) return "absent";
  const threshold = calibrate(luma, stride);
  if (ones(readRow(luma, stride, 0, threshold) ^ FIRST_ROW) > FIRST_ROW_MENDABLE) return "absent";
  const view = new DataView(new ArrayBuffer((ROWS - 1) * 2));
  for (let row = 1; row < ROWS; row++) view.setUint16((row - 1) * 2, readRow(luma, stride, row, threshold));
  if (!mend(view)) return "checksum";
  return {
    micros: view.getUint16(0) * 2 ** 32 + view.getUint32(2),
    input: view.getUint32(6),
    counter: view.getUint16(10),
  };
}

/** Difference between the checksum that is said and what it should be. */
function difference(view: DataView): number {
  return (crc32(new Uint8Array(view.buffer, 0, PAYLOAD)) ^ view.getUint32(PAYLOAD)) >>> 0;
}

function flip(view: DataView, cell: number): void {
  view.setUint8(cell >> 3, view.getUint8(cell >> 3) ^ (0x80 >> (cell & 7)));
}

/** What each cell, being wrong, changes in the difference; made when a block is read wrong for the first time. */
let syndromes: readonly number[] | undefined;

function learnSyndromes(bits: number): readonly number[] {
  const view = new DataView(new ArrayBuffer(bits / 8));
  const sound = difference(view);
  return Array.from({ length: bits }, (_, cell) => {
    flip(view, cell);
    const changed = difference(view) ^ sound;
    flip(view, cell);
    return changed >>> 0;
  });
}

/** Puts right what is wrong in one cell or two; false if more is. Up to four wrong ones never make another block's. */
function mend(view: DataView): boolean {
  const wrong = difference(view);
  if (wrong === 0) return true;
  syndromes ??= learnSyndromes(8 * view.byteLength);
  for (const [cell, one] of syndromes.entries()) {
    const other = one === wrong ? cell : syndromes.indexOf((wrong ^ one) >>> 0, cell + 1);
    if (other < 0) continue;
    flip(view, cell);
    if (other !== cell) flip(view, other);
    return true;
  }
  return false;
}

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Half way between the first row's black and white cells, as a cell's sum; beyond any sum where they lie too close. */
function calibrate(luma: Uint8Array, stride: number): number {
  let white = 0;
  let black = 0;
  for (let column = 0; column < COLUMNS; column += 2) {
    white += cellSum(luma, stride, column, 0);
    black += cellSum(luma, stride, column + 1, 0);
  }
  return white - black < MIN_CONTRAST * SAMPLES * (COLUMNS / 2)
    ? Number.POSITIVE_INFINITY
    : Math.floor((white + black) / COLUMNS);
}

function readRow(luma: Uint8Array, stride: number, row: number, threshold: number): number {
  let bits = 0;
  for (let column = 0; column < COLUMNS; column++) {
    bits = (bits << 1) | (cellSum(luma, stride, column, row) > threshold ? 1 : 0);
  }
  return bits;
}

/** Sum of the cell's middle 4x4 samples, which ringing at its borders does not reach. */
function cellSum(luma: Uint8Array, stride: number, column: number, row: number): number {
  let sum = 0;
  for (let y = row * CELL + 2; y < row * CELL + 6; y++) {
    const start = y * stride + column * CELL + 2;
    for (let x = start; x < start + 4; x++) sum += luma[x] ?? 0;
  }
  return sum;
}

/** CRC-32 of IEEE 802.3, bit by bit: twelve octets a frame need no table. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
