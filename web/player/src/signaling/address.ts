/** What signaling serves over HTTP at a path, given its address in any of the schemes http, https, ws and wss. */
export function servedAt(path: string, signal: string | URL): URL {
  const url = new URL(path, signal);
  url.protocol = url.protocol.replace("ws", "http");
  return url;
}

/** Where the page that signaling serves shows a session to whoever opens it. The token travels in the fragment. */
export function watchingAt(signal: string | URL, session: string, token: string): string {
  const url = servedAt("/", signal);
  url.hash = String(new URLSearchParams({ token, watch: session }));
  return url.href;
}
