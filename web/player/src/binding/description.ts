/** The line of a session description that names a certificate (RFC 8122), by SHA-256 and no other hash. */
const LINE = /^a=fingerprint:sha-256 ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31})$/;

/**
 * The fingerprint of the one certificate that a description names, as 64 small hexadecimal digits. It may stand there several times, and
 * has to be the same then. Whatever could be a fingerprint to the browser and is not to this reader throws: the Go package
 * signaling/binding does the same, and both read its testdata.
 */
export function fingerprintOf(sdp: string): string {
  let found: string | null = null;
  for (const line of sdp.split("\n").map((l) => l.replace(/\r$/, ""))) {
    if (line.includes("\r") || line.includes("\0")) throw new TypeError("a line of the description ends in the middle");
    if (!line.toLowerCase().includes("fingerprint")) continue;
    const print = LINE.exec(line)?.[1]?.replaceAll(":", "").toLowerCase();
    if (print === undefined || (found !== null && found !== print))
      throw new TypeError("the description names another certificate, too");
    found = print;
  }
  if (found === null) throw new TypeError("the description names no certificate");
  return found;
}
