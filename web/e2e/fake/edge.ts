/**
 * Signaling and an edge, inside the page under test: a stand-in for WebSocket that matches at once and offers a real
 * RTCPeerConnection, whose video is drawn on a canvas and whose data channels speak the real protocol. The function is given to
 * the page as source, so it may use nothing from outside itself.
 */
export interface FakeConfig {
  /** What is sent in answer to play, in place of a match. */
  readonly refuse?: { readonly code: string; readonly message: string; readonly hint: string; readonly retryable: boolean };
  /** Milliseconds that starting takes; stands still at this stage when negative. */
  readonly startMs?: number;
  /** The token that signaling gives the player to hand on. */
  readonly share?: string;
  /** Whether the edge takes what the player says. */
  readonly microphone?: boolean;
  /** Milliseconds from the first picture to the app's "running". */
  readonly loadMs?: number;
}

/** What a test does with the fake, as window.fakeEdge. */
export interface FakeControl {
  /** Messages of input received, in order. */
  readonly received: { readonly type: number; readonly hex: string }[];
  /** Messages that came to signaling. */
  readonly signaled: { readonly type: string }[];
  /** Stops heartbeat, pictures and answers; signaling says what check is to hear. */
  vanish(verdict: "alive" | "gone"): void;
  /** Closes signaling's socket, as a restarted server does; the stream goes on. */
  drop(): void;
  /** Ends the session. */
  end(reason: object, output: string[]): void;
  /** Hands the player to another edge, for which it waits in line for a moment. */
  move(reason: object, lineMs: number): void;
  /** Whether a resumed session is matched. */
  resumable: boolean;
  /** What becomes of a connection that is to have new ways: they mend it, they do not, or it has been given up for a new one. */
  restarts: "mend" | "fail" | "anew";
  /** Says that nothing is heard of the player. */
  unheard(): void;
  /** Tells the player of its edge's figures from now on. */
  tell(stats: object): void;
  cursor(png: number[], width: number, height: number, x: number, y: number): void;
}

export function fakeEdge(config: FakeConfig): void {
  const received: { type: number; hex: string }[] = [];
  const signaled: { type: string }[] = [];
  let current: FakeSocket | null = null;
  let left: FakeSocket | null = null;
  let verdict: "alive" | "gone" | null = null;

  class FakeSocket {
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: string }) => void) | null = null;
    onclose: ((event: { code: number; reason: string }) => void) | null = null;
    #closed = false;
    #peer: RTCPeerConnection | null = null;
    #timers: number[] = [];
    #motion: RTCDataChannel | null = null;
    #control: RTCDataChannel | null = null;
    #silent = false;
    /** Edge clock less performance.now(), microseconds; known once the first ack told an RTP timestamp. */
    #offset: number | null = null;
    #lastInput = 0;

    constructor() {
      left = current;
      current = this;
      setTimeout(() => this.onopen?.(), 5);
    }

    send(text: string): void {
      const message = JSON.parse(text);
      signaled.push(message);
      switch (message.type) {
        case "play":
          void this.#play(message.resume !== undefined, message.restart === true);
          break;
        case "restart":
          void this.#restart();
          break;
        case "answer":
          void this.#peer?.setRemoteDescription({ type: "answer", sdp: message.sdp });
          break;
        case "candidate":
          void this.#peer?.addIceCandidate({ candidate: message.candidate, sdpMid: message.mid, sdpMLineIndex: message.line });
          break;
        case "check":
          if (verdict !== null) this.say({ type: "checked", edge: verdict });
          break;
        case "install":
          this.#install(message.app);
          break;
      }
    }

    close(): void {
      this.#closed = true;
    }

    say(message: object): void {
      setTimeout(() => {
        if (!this.#closed) this.onmessage?.({ data: JSON.stringify(message) });
      }, 1);
    }

    drop(): void {
      this.#closed = true;
      this.onclose?.({ code: 1006, reason: "" });
    }

    vanish(): void {
      this.#silent = true;
      for (const timer of this.#timers) clearInterval(timer);
      for (const sender of this.#peer?.getSenders() ?? []) sender.track?.stop();
    }

    async move(reason: object, lineMs: number): Promise<void> {
      this.vanish();
      this.#peer?.close();
      this.#offset = null;
      verdict = null;
      this.say({ type: "moved", reason });
      await new Promise((resolve) => setTimeout(resolve, lineMs));
      this.say({ type: "queued", position: 2, waiting: 3, estimate: 95 });
      await new Promise((resolve) => setTimeout(resolve, lineMs));
      this.say({ type: "matched", session: "s-moved", edge: { id: "e-other", name: "attic" }, iceServers: [] });
      await this.#start();
    }

    notice(fields: object): void {
      const json = new TextEncoder().encode(JSON.stringify(fields));
      this.#send(this.#control, 0x92, 4 + json.length, (view) => {
        view.setUint32(1, json.length);
        new Uint8Array(view.buffer).set(json, 5);
      });
    }

    cursor(png: number[], width: number, height: number, x: number, y: number): void {
      this.#send(this.#control, 0x90, 16 + png.length, (view) => {
        [width, height, x, y].forEach((value, i) => {
          view.setUint16(5 + 2 * i, value);
        });
        view.setUint32(13, png.length);
        new Uint8Array(view.buffer).set(png, 17);
      });
    }

    #install(app: string): void {
      let percent = 0;
      const timer = setInterval(() => {
        percent += 20;
        this.say({ type: "installing", app, percent, line: `Unpacking ${app} ...`, done: percent >= 100 });
        if (percent >= 100) clearInterval(timer);
      }, 150);
    }

    async #restart(): Promise<void> {
      if (control.restarts === "anew") {
        this.#peer?.close();
        return this.#start();
      }
      const offer = await this.#peer?.createOffer({ iceRestart: true });
      await this.#peer?.setLocalDescription(offer);
      this.say({ type: "offer", sdp: offer?.sdp, restart: true });
      if (control.restarts === "mend") this.#appear();
    }

    /** Pictures and the heartbeat are back. */
    #appear(): void {
      this.#silent = false;
      verdict = null;
      this.#beat();
      const track = this.#picture().getVideoTracks()[0];
      if (track !== undefined) void this.#peer?.getSenders()[0]?.replaceTrack(track);
    }

    #beat(): void {
      const beat = () => this.#send(this.#control, 0x91, 8, (view) => view.setUint32(5, performance.now()));
      beat();
      this.#timers.push(window.setInterval(beat, 500));
    }

    async #play(resume: boolean, restart: boolean): Promise<void> {
      if (config.refuse !== undefined) return this.say({ type: "error", error: config.refuse });
      if (resume && !control.resumable) return;
      if (!restart) verdict = null;
      const { share } = config;
      this.say({ type: "matched", session: "s-fake", edge: { id: "e-fake", name: "living room" }, iceServers: [], share });
      if (restart && left !== null) {
        [this.#peer, this.#motion, this.#control] = [left.#peer, left.#motion, left.#control];
        this.#offset = left.#offset;
        for (const channel of [this.#motion, this.#control]) {
          if (channel !== null) channel.onmessage = ({ data }) => this.#input(new DataView(data));
        }
        left.#peer = null;
        return this.#restart();
      }
      await this.#start();
    }

    async #start(): Promise<void> {
      this.#silent = false;
      this.say({ type: "progress", stage: "starting", detail: "Opening a display" });
      const startMs = config.startMs ?? 120;
      if (startMs < 0) return;
      await new Promise((resolve) => setTimeout(resolve, startMs));
      this.say({ type: "progress", stage: "connecting", detail: "" });
      const peer = new RTCPeerConnection();
      this.#peer = peer;
      this.#motion = peer.createDataChannel("motion", { ordered: false, maxRetransmits: 0 });
      this.#control = peer.createDataChannel("control");
      for (const channel of [this.#motion, this.#control]) {
        channel.binaryType = "arraybuffer";
        channel.onmessage = ({ data }) => this.#input(new DataView(data));
      }
      this.#control.onopen = () => {
        const running = { kind: "app", state: "running", title: "Fake", detail: "" };
        this.notice({
          kind: "video",
          encoder: "x264",
          codec: "h264",
          width: 1280,
          height: 720,
          frameRate: 60,
          reason: "",
          instead: "",
        });
        setTimeout(() => this.notice(running), config.loadMs ?? 150);
        this.#beat();
        const stages = { encode: { p50: 2.2, p99: 4.7 }, edge_overhead: { p50: 0.8, p99: 1.9 } };
        this.notice({ kind: "stats", stages, bitrate_bps: 7.8e6, frames: 60, dropped: 0 });
      };
      peer.onicecandidate = ({ candidate }) =>
        this.say({
          type: "candidate",
          candidate: candidate?.candidate ?? "",
          mid: candidate?.sdpMid ?? "",
          line: candidate?.sdpMLineIndex ?? 0,
        });
      const stream = this.#picture();
      // Blurred motion is fine, a smaller picture is not: its marker could not be read.
      for (const track of stream.getTracks()) track.contentHint = "detail";
      for (const track of stream.getTracks()) peer.addTrack(track, stream);
      if (config.microphone === true) peer.addTransceiver("audio", { direction: "recvonly" });
      const offer = await peer.createOffer();
      await peer.setLocalDescription(offer);
      this.say({ type: "offer", sdp: offer.sdp });
    }

    #input(view: DataView): void {
      if (this.#silent) return;
      const type = view.getUint8(0);
      if (type === 0x05) {
        this.#pong(view);
        return;
      }
      if (type === 0x04) {
        if (this.#offset === null) {
          // The sender's RTP clock begins anywhere: say that the frame was captured 6 ms before it came.
          const arrived = view.getUint32(5) * 2 ** 32 + view.getUint32(9);
          this.#offset = Math.round((view.getUint32(1) * 1000) / 90) - (arrived - 6000);
        }
        return;
      }
      if (type === 0x10) this.#lastInput = view.getUint32(1);
      const hex = [...new Uint8Array(view.buffer)].map((octet) => octet.toString(16).padStart(2, "0")).join("");
      received.push({ type, hex });
    }

    #pong(ping: DataView): void {
      if (this.#offset === null) return;
      const edge = Math.round(performance.now() * 1000 + this.#offset);
      this.#send(this.#motion, 0x81, 20, (view) => {
        for (const at of [1, 5, 9]) view.setUint32(at, ping.getUint32(at));
        view.setUint32(13, Math.floor(edge / 2 ** 32));
        view.setUint32(17, edge % 2 ** 32);
      });
    }

    #send(channel: RTCDataChannel | null, type: number, length: number, fill: (view: DataView) => void): void {
      if (this.#silent || channel?.readyState !== "open") return;
      const view = new DataView(new ArrayBuffer(1 + length));
      view.setUint8(0, type);
      fill(view);
      channel.send(view.buffer);
    }

    /** An evening at sea, so that screenshots show something; the marker in its corner names the last key. */
    #picture(): MediaStream {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [1280, 720];
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no canvas");
      let count = 0;
      const draw = () => {
        const t = performance.now() / 1000;
        const sky = context.createLinearGradient(0, 0, 0, 470);
        sky.addColorStop(0, "#1b2350");
        sky.addColorStop(0.7, "#b0526b");
        sky.addColorStop(1, "#ffb070");
        context.fillStyle = sky;
        context.fillRect(0, 0, 1280, 720);
        context.fillStyle = "#ffe2a8";
        context.beginPath();
        context.arc(880, 410, 64, 0, 7);
        context.fill();
        for (let layer = 0; layer < 5; layer++) {
          context.fillStyle = `hsl(${226 + layer * 4} 45% ${30 - layer * 5}%)`;
          context.beginPath();
          context.moveTo(0, 720);
          for (let x = 0; x <= 1280; x += 20) {
            const wave = Math.sin(x / (90 - layer * 8) + t * (0.6 + layer * 0.3)) * (6 + layer * 4);
            context.lineTo(x, 450 + layer * 52 + wave);
          }
          context.lineTo(1280, 720);
          context.fill();
        }
        this.#marker(context, count++);
      };
      this.#timers.push(window.setInterval(draw, 1000 / 60));
      draw();
      return canvas.captureStream(60);
    }

    #marker(context: CanvasRenderingContext2D, count: number): void {
      const bytes = new Uint8Array(16);
      const view = new DataView(bytes.buffer);
      const micros = Math.max(Math.round(performance.now() * 1000 + (this.#offset ?? 0)), 0);
      view.setUint16(0, Math.floor(micros / 2 ** 32) & 0xffff);
      view.setUint32(2, micros % 2 ** 32);
      view.setUint32(6, this.#lastInput);
      view.setUint16(10, count & 0xffff);
      let crc = 0xffffffff;
      for (const byte of bytes.subarray(0, 12)) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
      }
      view.setUint32(12, ~crc >>> 0);
      for (let i = 0; i < 16 * 9; i++) {
        const bit = i < 16 ? 1 - (i & 1) : ((bytes[(i - 16) >> 3] ?? 0) >> (7 - (i & 7))) & 1;
        context.fillStyle = bit === 1 ? "#fff" : "#000";
        context.fillRect((i % 16) * 8, Math.floor(i / 16) * 8, 8, 8);
      }
    }
  }

  const control: FakeControl = {
    received,
    signaled,
    resumable: true,
    restarts: "mend",
    unheard() {
      current?.say({ type: "unheard" });
    },
    tell(stats) {
      current?.notice({ kind: "stats", ...stats });
    },
    vanish(outcome) {
      verdict = outcome;
      current?.vanish();
    },
    drop() {
      current?.drop();
    },
    end(reason, output) {
      current?.say({ type: "ended", reason, output });
    },
    move(reason, lineMs) {
      void current?.move(reason, lineMs);
    },
    cursor(...shape) {
      current?.cursor(...shape);
    },
  };
  Object.assign(window, { WebSocket: FakeSocket, fakeEdge: control });
}
