import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** What the real server sends with every page: nothing inline, nothing from elsewhere, and isolated for exact clocks. */
export const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const dist = fileURLToPath(new URL("../../dist", import.meta.url));

export interface PageServer {
  readonly origin: string;
  /** What pages posted, by path. */
  readonly posted: Map<string, string>;
  close(): Promise<void>;
}

/** Serves the built pages as the real server does, with a catalogue of its own. */
export async function servePages(apps: readonly object[]): Promise<PageServer> {
  const posted = new Map<string, string>();
  const server: Server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://page");
    const send = (status: number, type: string, body: string | Buffer) =>
      response.writeHead(status, { ...HEADERS, "Content-Type": type }).end(body);
    if (request.method === "POST") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      posted.set(pathname, Buffer.concat(parts).toString());
      return send(204, "text/plain", "");
    }
    if (pathname === "/api/apps") return send(200, "application/json", JSON.stringify({ apps }));
    if (pathname.startsWith("/pictures/")) {
      const picture = PICTURES[pathname.slice("/pictures/".length)];
      return picture === undefined ? send(404, "text/plain", "") : send(200, "image/svg+xml", picture);
    }
    const file = pathname === "/" ? "/index.html" : pathname;
    try {
      return send(200, TYPES[extname(file)] ?? "application/octet-stream", await readFile(dist + file));
    } catch {
      return send(404, "text/plain", "not found");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    posted,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const PICTURES: Readonly<Record<string, string>> = {
  "supertux2.svg": scene("#2b6cb0", "#90cdf4", "#f7fafc"),
  "scene.svg": scene("#1a1c3a", "#6b4a86", "#ffb65c"),
};

function scene(top: string, middle: string, front: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180"><rect width="320" height="180" fill="${top}"/>
    <circle cx="230" cy="62" r="26" fill="${front}" fill-opacity=".9"/>
    <path d="M0 128c60-34 110-34 160 0s100 30 160-6v58H0z" fill="${middle}"/>
    <path d="M0 156c70-22 120-16 170 0s100 12 150-6v30H0z" fill="${front}" fill-opacity=".8"/></svg>`;
}
