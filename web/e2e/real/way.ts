import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Page } from "@playwright/test";

/** A network between the page and the edge: UDP alone, from a port of its own. What is cut carries nothing, and says nothing. */
export class Way {
  readonly #near: Socket;
  readonly #edge: number;
  readonly #flows = new Map<string, Socket>();
  #cut = false;

  private constructor(near: Socket, edge: number) {
    this.#near = near;
    this.#edge = edge;
  }

  static async to(edge: number): Promise<Way> {
    const near = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
    near.bind(0, "127.0.0.1");
    await once(near, "listening");
    const way = new Way(near, edge);
    near.on("message", (data, from) => way.#out(data, from.port, from.address));
    return way;
  }

  get port(): number {
    return this.#near.address().port;
  }

  cut(): void {
    this.#cut = true;
  }

  close(): void {
    this.#near.close();
    for (const flow of this.#flows.values()) flow.close();
  }

  #out(data: Buffer, port: number, address: string): void {
    if (this.#cut) return;
    const from = `${address}:${port}`;
    let flow = this.#flows.get(from);
    if (flow === undefined) {
      flow = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
      flow.on("message", (answer) => {
        if (!this.#cut) this.#near.send(answer, port, address);
      });
      this.#flows.set(from, flow);
    }
    flow.send(data, this.#edge, "127.0.0.1");
  }
}

/** What a page goes through: one way at a time to the edge, and one to signaling. */
export interface Journey {
  /** Cuts the way to the edge, and with all the one to signaling too. */
  cut(all: boolean): void;
  /** Opens another way; with a signaling that was cut, new sockets reach it again, and old ones never. */
  arrive(): Promise<void>;
  close(): void;
}

/** Puts the page on a network of its own, before it is opened. */
export async function travel(page: Page): Promise<Journey> {
  let way: Way | null = null;
  let edge = 0;
  let lost = false;
  const ways: Way[] = [];
  const open = async () => {
    way = await Way.to(edge);
    ways.push(way);
  };
  await page.exposeFunction("wayTo", async (port: number) => {
    edge = port;
    if (way === null) await open();
    return way?.port;
  });
  await page.addInitScript(() => {
    const { wayTo } = window as unknown as { wayTo(port: number): Promise<number> };
    const add: (init?: RTCIceCandidateInit | null) => Promise<void> = RTCPeerConnection.prototype.addIceCandidate;
    RTCPeerConnection.prototype.addIceCandidate = async function (init?: RTCIceCandidateInit | null) {
      const parts = init?.candidate?.split(" ") ?? []; // RFC 8839 section 5.1
      if (parts[2]?.toLowerCase() === "tcp") return;
      if (parts[5] !== undefined) parts[5] = String(await wayTo(Number(parts[5])));
      await add.call(this, { ...init, candidate: parts.join(" ") });
    };
    const set: (offer: RTCSessionDescriptionInit) => Promise<void> = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = async function (offer: RTCSessionDescriptionInit) {
      const lines: string[] = [];
      for (const line of (offer.sdp ?? "").split("\r\n")) {
        const parts = line.split(" ");
        if (!line.startsWith("a=candidate:")) lines.push(line);
        else if (parts[2]?.toLowerCase() === "udp") lines.push(parts.with(5, String(await wayTo(Number(parts[5])))).join(" "));
      }
      await set.call(this, { ...offer, sdp: lines.join("\r\n") });
    };
  });
  await page.routeWebSocket(/\/signal\/player/, (socket) => {
    if (lost) return; // as on a network without a way out: nothing is heard of it
    let gone = false;
    sockets.push(() => {
      gone = true;
    });
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (!gone) server.send(message);
    });
    server.onMessage((message) => {
      if (!gone) socket.send(message);
    });
  });
  const sockets: (() => void)[] = [];
  return {
    cut(all) {
      way?.cut();
      if (!all) return;
      lost = true;
      for (const leave of sockets.splice(0)) leave();
    },
    async arrive() {
      await open();
      lost = false;
    },
    close() {
      for (const one of ways) one.close();
    },
  };
}
