/**
 * Sound past the browser's own jitter buffer, which holds 40 ms and more: one script for two places. In a worker it takes coded frames from
 * the connection (W3C WebRTC Encoded Transform) and decodes them (WebCodecs); in an audio worklet it plays them after as short a wait as the
 * network and the machine allow. It is plain JavaScript with no imports, so that it can be served as it is: worklets take nothing else.
 */
const RATE = 48_000;
const MILLISECOND = RATE / 1000;
const RED = 121;

/** Frames of one packet, oldest first: RED's (RFC 2198), or the packet itself. Malformed ones are left out. */
export function framesOf(payload, timestamp, red) {
  if (!red) return [{ timestamp, data: payload }];
  const heads = [];
  let at = 0;
  while (at + 3 < payload.length && payload[at] & 0x80 && heads.length < 8) {
    heads.push([(payload[at + 1] << 6) | (payload[at + 2] >> 2), ((payload[at + 2] & 3) << 8) | payload[at + 3]]);
    at += 4;
  }
  if (at >= payload.length || payload[at] & 0x80) return [];
  at++;
  const frames = [];
  for (const [offset, length] of heads) {
    if (at + length > payload.length) return [];
    if (length > 0) frames.push({ timestamp: (timestamp - offset) >>> 0, data: payload.subarray(at, at + length) });
    at += length;
  }
  frames.push({ timestamp, data: payload.subarray(at) });
  return frames;
}

const CAPACITY = RATE;
const FADE = 128;
/** The reserve is how much is left, at the least, whenever something new comes. It grows when that is not enough. */
const FIRST_RESERVE = 10 * MILLISECOND;
const LEAST_RESERVE = 4 * MILLISECOND;
const MOST_RESERVE = 100 * MILLISECOND;
const GROWTH = 6 * MILLISECOND;
const DECLINE = 0.97;
const DECLINE_AFTER = 4 * RATE;
/** More than that too much is thrown away; less is worked off by playing at most a hundredth faster. */
const JUMP = 25 * MILLISECOND;
const TOLERATED = 2 * MILLISECOND;
const FASTEST = 0.01;

/** What waits to be heard, in stereo. */
export class Playout {
  reserve = FIRST_RESERVE;
  /** Times that nothing was left, and that something was thrown away. */
  underruns = 0;
  jumps = 0;
  speed = 0;
  playing = false;
  #left = new Float32Array(CAPACITY);
  #right = new Float32Array(CAPACITY);
  #read = 0;
  #write = 0;
  #pausing = true;
  #low = Number.POSITIVE_INFINITY;
  #pushed = 0;
  #since = 0;
  #fade = 0;

  /** Samples that wait. */
  get waiting() {
    return this.#write - Math.floor(this.#read);
  }

  push(left, right) {
    const n = left.length;
    if (n > CAPACITY / 2) return;
    if (this.waiting + n > CAPACITY - 8) this.#jump(this.waiting - this.reserve);
    if (this.playing) this.#low = Math.min(this.#low, this.waiting);
    for (let i = 0; i < n; i++) {
      const at = (this.#write + i) % CAPACITY;
      this.#left[at] = left[i];
      this.#right[at] = right[i];
    }
    this.#write += n;
    this.#pausing = false;
    this.#pushed += n;
    if (this.#pushed < RATE) return;
    this.#pushed = 0;
    const excess = this.#low - this.reserve;
    this.#low = Number.POSITIVE_INFINITY;
    if (!this.playing || excess === Number.POSITIVE_INFINITY) return;
    if (excess > JUMP) this.#jump(excess);
    this.speed = Math.abs(excess) <= TOLERATED || excess > JUMP ? 0 : Math.min(Math.max(excess / RATE, -FASTEST), FASTEST);
    if (this.speed === 0) this.#read = Math.floor(this.#read);
  }

  /** Nothing comes for a while: what is left runs out, which is no underrun. */
  pause() {
    this.#pausing = true;
  }

  pull(left, right) {
    const n = left.length;
    const needed = this.speed === 0 ? n : Math.ceil(n * (1 + this.speed)) + 3;
    if (!this.playing) {
      if (this.waiting < this.reserve + needed) {
        left.fill(0);
        right.fill(0);
        return;
      }
      this.playing = true;
      this.#fade = FADE;
      this.#low = Number.POSITIVE_INFINITY;
      this.#pushed = 0;
    }
    if (this.waiting < needed) return this.#runOut(left, right);
    for (let i = 0; i < n; i++) {
      left[i] = this.#at(this.#left);
      right[i] = this.#at(this.#right);
      this.#read += 1 + this.speed;
    }
    for (let i = 0; i < n && this.#fade > 0; i++, this.#fade--) {
      left[i] *= 1 - this.#fade / FADE;
      right[i] *= 1 - this.#fade / FADE;
    }
    this.#since += n;
    if (this.#since > DECLINE_AFTER) {
      this.#since = 0;
      this.reserve = Math.max(this.reserve * DECLINE, LEAST_RESERVE);
    }
  }

  /** The rest, faded out. */
  #runOut(left, right) {
    const n = left.length;
    const rest = Math.min(this.waiting, n);
    for (let i = 0; i < n; i++) {
      const at = (Math.floor(this.#read) + i) % CAPACITY;
      const gain = i < rest ? 1 - i / rest : 0;
      left[i] = gain * this.#left[at];
      right[i] = gain * this.#right[at];
    }
    this.#read = this.#write;
    this.playing = false;
    this.speed = 0;
    if (this.#pausing) return;
    this.underruns++;
    this.#since = 0;
    this.reserve = Math.min(this.reserve + GROWTH, MOST_RESERVE);
  }

  #jump(samples) {
    this.#read = Math.floor(this.#read + Math.max(samples, 0));
    this.#fade = FADE;
    this.jumps++;
  }

  /** The sample at the place that is read, between two by a cubic through the four around. */
  #at(channel) {
    const i = Math.floor(this.#read);
    const f = this.#read - i;
    const b = channel[i % CAPACITY];
    if (f === 0) return b;
    const a = channel[(i + CAPACITY - 1) % CAPACITY];
    const c = channel[(i + 1) % CAPACITY];
    const d = channel[(i + 2) % CAPACITY];
    return b + (f / 2) * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)));
  }
}

/** Takes coded frames, and decodes those that are new. */
class Source {
  /** Whether anybody listens; what comes meanwhile is dropped. */
  listening = false;
  /** Whether frames go on to the browser's own buffer, since something here does not work. */
  passing = false;
  #port;
  #decoder = null;
  #next = -1;
  /** Frames that are being decoded, and whether a pause comes after them. */
  #pending = 0;
  #pausing = false;

  constructor(port) {
    this.#port = port;
  }

  take(frame) {
    const { payloadType, mimeType, rtpTimestamp } = frame.getMetadata();
    const timestamp = rtpTimestamp ?? frame.timestamp;
    if (!this.listening) {
      this.#next = -1;
      return;
    }
    const red = payloadType === RED || /red$/i.test(mimeType ?? "");
    for (const { timestamp: at, data } of framesOf(new Uint8Array(frame.data), timestamp, red)) this.#frame(at, data);
  }

  #frame(timestamp, data) {
    if (this.#next >= 0 && ((timestamp - this.#next) | 0) < 0) return; // it came before
    this.#next = (timestamp + RATE / 100) >>> 0;
    if (data.length <= 1) {
      this.#pausing = true;
      this.#rest();
      return;
    }
    this.#pausing = false;
    this.#pending++;
    this.#decoder ??= this.#open();
    const microseconds = Math.round((timestamp * 1000) / MILLISECOND);
    this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: microseconds, duration: 10_000, data }));
  }

  #open() {
    const decoder = new AudioDecoder({ output: (sound) => this.#play(sound), error: (error) => this.fail(error) });
    decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: 2 });
    return decoder;
  }

  #play(sound) {
    const [left, right] = [0, 1].map((channel) => {
      const samples = new Float32Array(sound.numberOfFrames);
      sound.copyTo(samples, { planeIndex: Math.min(channel, sound.numberOfChannels - 1), format: "f32-planar" });
      return samples;
    });
    sound.close();
    this.#pending--;
    if (this.listening) this.#port.postMessage([left, right], [left.buffer, right.buffer]);
    this.#rest();
  }

  /** Tells of a pause, once all that comes before it was told. */
  #rest() {
    if (this.#pausing && this.#pending === 0) this.#port.postMessage(null);
  }

  /** Another connection's frames come. */
  restart() {
    this.#next = -1;
  }

  fail(error) {
    this.passing = true;
    self.postMessage(String(error));
  }
}

if (typeof registerProcessor === "function") {
  registerProcessor(
    "nearlight-sound",
    class extends AudioWorkletProcessor {
      #playout = new Playout();
      #alive = true;

      constructor() {
        super();
        this.port.onmessage = ({ data }) => {
          if (data === "figures") {
            const { reserve, underruns, jumps, waiting, speed } = this.#playout;
            this.port.postMessage({ reserve: reserve / MILLISECOND, waiting: waiting / MILLISECOND, underruns, jumps, speed });
          } else if (data === "end") {
            this.#alive = false;
          } else {
            data.onmessage = ({ data: sound }) => (sound === null ? this.#playout.pause() : this.#playout.push(...sound));
          }
        };
      }

      process(_inputs, [[left, right]]) {
        this.#playout.pull(left, right);
        return this.#alive;
      }
    },
  );
} else if (typeof WorkerGlobalScope === "function" && self instanceof WorkerGlobalScope) {
  let source = null;
  self.postMessage("ready");
  self.onmessage = ({ data }) => {
    if (source === null) source = new Source(data);
    else source.listening = data;
  };
  self.onrtctransform = async ({ transformer: { readable, writable } }) => {
    const writer = writable.getWriter();
    source?.restart();
    for await (const frame of readable) {
      if (source === null || source.passing) {
        await writer.write(frame);
        continue;
      }
      try {
        source.take(frame);
      } catch (error) {
        source.fail(error);
      }
    }
  };
}
