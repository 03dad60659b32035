import type { SessionKey } from "./binding/keys.js";
import type { PointerMode } from "./input/pointerlock.js";
import type { Size } from "./signaling/messages.js";
import type { VideoCodec } from "./support.js";

/** What connect() needs, and what it may be told. */
export interface ConnectOptions {
  /** The server's address: its origin in http(s) or ws(s). */
  readonly signal: string | URL;
  /** The signed right to play. */
  readonly token: string;
  /** The game, by its name in the catalogue. Left out: the token's, or whatever the edge runs by itself. */
  readonly app?: string;
  /** A video element, or one to fill with the picture. */
  readonly element: HTMLElement;
  /** The picture's size that is asked for. Left out: the edge's choice. */
  readonly size?: Size;
  /** Video formats that may be used. Default: all that this browser shows smoothly; the edge chooses. */
  readonly codecs?: readonly VideoCodec[];
  /** When the pointer is locked. Default: "auto". */
  readonly pointer?: PointerMode;
  /** What play() shows in full screen. Default: element. */
  readonly fullscreen?: HTMLElement;
  /** Keys, by KeyboardEvent.code, that stay the page's. Default: none. */
  readonly reservedKeys?: readonly string[];
  /**
   * Where your page serves this package's direct.js: sound then passes by the browser's own buffer, and is heard 40 ms sooner, where the
   * browser has what that takes. Left out: it is played by an audio element.
   */
  readonly directSound?: string | URL;
  /** A session, by its id, to go on with: after a reload, say. Where it is over, a new one starts. */
  readonly resume?: string;
  /**
   * The session's key, where the token demands one: the key of a session that is resumed, or the one that the token was made for. Left
   * out: a new one, which session.key tells.
   */
  readonly key?: SessionKey;
  /**
   * Somebody else's session, by its id, to look on at instead of playing: input stays with the page, and the token needs the
   * right "watch".
   */
  readonly watch?: string;
  /**
   * Makes the address at which others look on, of the session's id: one of your own pages, say, whose back end signs a token for
   * each of them. Left out: the page that signaling serves, where signaling can sign that token.
   */
  readonly shareURL?: (session: string) => string;
}
