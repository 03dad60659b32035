import { Emitter } from "../emitter.js";
import { PlayerError } from "../errors.js";
import { decode, encode, type FromSignaling, SUBPROTOCOL, type ToSignaling } from "./messages.js";

interface Events {
  open: undefined;
  message: FromSignaling;
  /** Once, and nothing after it: the socket closed, was refused, or said something that is no message. */
  closed: PlayerError;
}

/** How long opening may take; a server on the other side of the world answers in a quarter of it. */
const OPEN_TIMEOUT_MS = 5_000;

/** Where players dial, given the server's address in any of the schemes http, https, ws and wss. */
export function playerEndpoint(signal: string | URL): URL {
  const url = new URL("/signal/player", signal);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

/** One WebSocket to signaling. Messages sent before it is open wait; after it closed they are dropped. */
export class SignalingSocket extends Emitter<Events> {
  readonly #socket: WebSocket;
  readonly #waiting: string[] = [];
  readonly #opening: ReturnType<typeof setTimeout>;
  #opened = false;
  #done = false;

  constructor(signal: string | URL) {
    super();
    this.#socket = new WebSocket(playerEndpoint(signal), SUBPROTOCOL);
    this.#opening = setTimeout(() => this.#end(PlayerError.of("signaling-timeout")), OPEN_TIMEOUT_MS);
    this.#socket.onopen = () => {
      clearTimeout(this.#opening);
      this.#opened = true;
      for (const text of this.#waiting.splice(0)) this.#socket.send(text);
      this.emit("open", undefined);
    };
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (this.#done) return;
      try {
        if (typeof data !== "string") throw PlayerError.of("protocol", new TypeError("a binary message"));
        this.emit("message", decode(data));
      } catch (error) {
        this.#end(error instanceof PlayerError ? error : PlayerError.of("protocol", error));
      }
    };
    this.#socket.onclose = ({ code, reason }) => {
      const cause = new Error(`WebSocket closed with ${code} ${reason}`);
      this.#end(PlayerError.of(this.#opened ? "signaling-lost" : "unreachable", cause));
    };
  }

  /** Whether a message sent now would leave at once. */
  get open(): boolean {
    return this.#opened && !this.#done;
  }

  send(message: ToSignaling): void {
    if (this.#done) return;
    const text = encode(message);
    if (this.#opened) this.#socket.send(text);
    else this.#waiting.push(text);
  }

  /** Closes without an event. Idempotent. */
  close(): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#opening);
    this.#socket.close(1000);
  }

  #end(error: PlayerError): void {
    if (this.#done) return;
    this.close();
    this.emit("closed", error);
  }
}
