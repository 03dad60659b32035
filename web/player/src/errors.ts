/** What every failure looks like: to signaling's wire, to the page and to the person who plays. */
export interface ErrorInfo {
  /** A stable word for programs, such as "edge-gone". */
  readonly code: string;
  /** What happened and why, in words for the player. */
  readonly message: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
  /** Whether trying again, unchanged, may help. */
  readonly retryable: boolean;
}

/** The error that the SDK rejects with and emits. Codes made by signaling or an edge pass through unchanged. */
export class PlayerError extends Error implements ErrorInfo {
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(info: ErrorInfo, cause?: unknown) {
    super(info.message, cause === undefined ? undefined : { cause });
    this.name = "PlayerError";
    this.code = info.code;
    this.hint = info.hint;
    this.retryable = info.retryable;
  }

  /** The failures that the SDK finds itself, by code. */
  static of(code: LocalCode, cause?: unknown): PlayerError {
    return new PlayerError({ code, ...LOCAL[code] }, cause);
  }
}

const AGAIN = "Check your connection, then try again.";

const LOCAL = {
  "no-webrtc": {
    message: "This browser cannot receive a live game: it has no WebRTC.",
    hint: "Open the link in a current Chrome, Edge, Firefox or Safari, or allow WebRTC in this browser's settings.",
    retryable: false,
  },
  "old-browser": {
    message: "This browser is too old: it cannot tell when a picture is shown.",
    hint: "Update it, or open the link in a current Chrome, Edge, Firefox or Safari.",
    retryable: false,
  },
  "no-codec": {
    message: "This browser decodes no video format that the game can be sent as.",
    hint: "Open the link in Chrome, Edge, Firefox or Safari, or install your system's H.264 decoder.",
    retryable: false,
  },
  unreachable: {
    message: "The server could not be reached.",
    hint: "Check that it is running and that you are online, then try again.",
    retryable: true,
  },
  "signaling-lost": {
    message: "The server closed the connection before the game could start.",
    hint: AGAIN,
    retryable: true,
  },
  "signaling-timeout": {
    message: "The server did not answer in time.",
    hint: "It may be busy. Wait a moment, then try again.",
    retryable: true,
  },
  "start-timeout": {
    message: "The game did not start in time.",
    hint: "Try again; if it happens again, the machine that runs it may need its owner.",
    retryable: true,
  },
  "connect-failed": {
    message: "No network path to the machine that runs the game could be opened.",
    hint: "A firewall or VPN may block UDP. Try another network, or turn the VPN off.",
    retryable: true,
  },
  "no-picture": {
    message: "The connection stands, but no picture arrived.",
    hint: "Try again; if it happens again, try another browser.",
    retryable: true,
  },
  "edge-gone": {
    message: "The machine that ran your game is gone.",
    hint: "It was switched off or lost its network. Play again to be given another one.",
    retryable: true,
  },
  unproven: {
    message: "It cannot be shown that your connection to the machine is yours alone.",
    hint: "Ask for a new link. If it happens again, somebody may be listening in: tell whoever gave you the link.",
    retryable: false,
  },
  "connection-lost": {
    message: "The connection was lost and did not come back within 30 seconds.",
    hint: AGAIN,
    retryable: true,
  },
  protocol: {
    message: "The server sent something that this player does not understand.",
    hint: "Reload the page; if it stays, server and page are of different versions.",
    retryable: false,
  },
  forbidden: {
    message: "This link is not valid, or no longer.",
    hint: "Ask for a new link.",
    retryable: false,
  },
  "microphone-forbidden": {
    message: "This link does not let the game hear you.",
    hint: "Ask for a new link.",
    retryable: false,
  },
  "microphone-denied": {
    message: "The browser does not let this page use your microphone.",
    hint: "Allow it in the address bar or the settings, then try again.",
    retryable: true,
  },
  "microphone-missing": {
    message: "There is no microphone.",
    hint: "Plug one in, then try again.",
    retryable: true,
  },
  "microphone-busy": {
    message: "The microphone could not be opened.",
    hint: "Another program may be using it. Close that, then try again.",
    retryable: true,
  },
  "microphone-insecure": {
    message: "Browsers give a microphone to pages with HTTPS alone.",
    hint: "Open the link with https://.",
    retryable: false,
  },
  catalogue: {
    message: "The list of games could not be loaded.",
    hint: AGAIN,
    retryable: true,
  },
} as const satisfies Record<string, Omit<ErrorInfo, "code">>;

export type LocalCode = keyof typeof LOCAL;
