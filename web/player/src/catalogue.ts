import { type ErrorInfo, PlayerError } from "./errors.js";
import { servedAt } from "./signaling/address.js";
import { type App, decodeApps, type Installing } from "./signaling/messages.js";
import { SignalingSocket } from "./signaling/socket.js";

/** Who asks, and whom. */
export interface CatalogueOptions {
  readonly signal: string | URL;
  readonly token: string;
}

/** The games that the token may play, from all edges. Rejects with a PlayerError. */
export async function apps({ signal, token }: CatalogueOptions): Promise<App[]> {
  let response: Response;
  try {
    response = await fetch(servedAt("/api/apps", signal), { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  } catch (cause) {
    throw PlayerError.of("unreachable", cause);
  }
  if (!response.ok) throw await refusal(response);
  return decodeApps(await response.json().catch(() => null));
}

/** A refusal in the server's own words where it gives them, else by its status. */
async function refusal(response: Response): Promise<PlayerError> {
  const cause = new Error(`GET /api/apps: ${response.status} ${response.statusText}`);
  const body = (await response.json().catch(() => null)) as { error?: Partial<ErrorInfo> } | null;
  const { code, message, hint = "", retryable = false } = body?.error ?? {};
  if (typeof code === "string" && typeof message === "string")
    return new PlayerError({ code, message, hint, retryable }, cause);
  return PlayerError.of(response.status === 401 || response.status === 403 ? "forbidden" : "catalogue", cause);
}

export interface InstallOptions extends CatalogueOptions {
  readonly app: string;
  /** Called with each step. */
  readonly onProgress?: (progress: { readonly percent: number; readonly line: string }) => void;
  /** Stops waiting; what the edge has begun it finishes. */
  readonly abort?: AbortSignal;
}

/** Installs a game on the edge. Resolves when it can be played, rejects with a PlayerError. */
export function install({ signal, token, app, onProgress, abort }: InstallOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new SignalingSocket(signal);
    const finish = (error: unknown) => {
      socket.close();
      abort?.removeEventListener("abort", aborted);
      if (error === null) resolve();
      else reject(error);
    };
    const aborted = () => finish(abort?.reason ?? null);
    abort?.addEventListener("abort", aborted);
    if (abort?.aborted) return aborted();
    const step = (message: Installing) => {
      onProgress?.({ percent: message.percent, line: message.line });
      if (message.error !== undefined) finish(new PlayerError(message.error));
      else if (message.done) finish(null);
    };
    socket.on("closed", finish);
    socket.on("message", (message) => {
      if (message.type === "installing" && message.app === app) step(message);
      else if (message.type === "error") finish(new PlayerError(message.error));
    });
    socket.send({ type: "install", token, app });
  });
}
