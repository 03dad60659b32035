import { html } from "lit";
import type { EdgeState, Order, Quality } from "./api.js";

/** How long ago, or until when, in few letters: "now", "12 s", "3 min", "2 h", "5 d". */
export function span(from: string, to: number = Date.now()): string {
  const seconds = Math.abs(to - Date.parse(from)) / 1000;
  if (!Number.isFinite(seconds) || seconds < 2) return "now";
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** How long ago something was. */
export function ago(at: string): string {
  const length = span(at);
  return length === "now" ? "just now" : `${length} ago`;
}

/** An id with its middle left out, whole when it is pointed at. */
export function short(id: string, ends = 8) {
  const text = id.length <= 2 * ends + 3 ? id : `${id.slice(0, ends)}…${id.slice(-ends)}`;
  return html`<span class="id" title=${id}>${text}</span>`;
}

const STATES: Readonly<Record<EdgeState, string>> = { open: "good", full: "", draining: "warn", silent: "bad" };

export function state(of: EdgeState) {
  return html`<span class="state ${STATES[of] ?? ""}">${of}</span>`;
}

/** A session's figures in one line. */
export function figures({ framesPerSecond, bitsPerSecond, roundTripP50, lossRatio, freezesPerMinute }: Quality): string {
  const parts: string[] = [];
  if (framesPerSecond !== undefined) parts.push(`${framesPerSecond.toFixed(0)} fps`);
  if (bitsPerSecond !== undefined) parts.push(`${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`);
  if (roundTripP50 !== undefined) parts.push(`${roundTripP50.toFixed(0)} ms round trip`);
  if (lossRatio !== undefined && lossRatio >= 0.0005) parts.push(`${(lossRatio * 100).toFixed(1)} % lost`);
  if (freezesPerMinute !== undefined) parts.push(`${freezesPerMinute.toFixed(1)} freezes/min`);
  return parts.map((part) => part.replaceAll(" ", "\u00a0")).join(" · "); // a figure stays on one line
}

const KINDS: Readonly<Record<Order["kind"], string>> = {
  "drain-edge": "Edge drained",
  "ban-edge": "Edge banned",
  "ban-key": "Key banned",
  "ban-token": "Token banned",
};

export function kind(of: Order["kind"]): string {
  return KINDS[of] ?? of;
}
