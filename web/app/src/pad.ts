import type { App } from "@nearlight/player";

/** One button of the on-screen controls: what it says and the key that it is. */
export interface PadButton {
  readonly label: string;
  readonly code: string;
}

export const ARROWS = ["ArrowUp", "ArrowLeft", "ArrowRight", "ArrowDown"] as const;

/** What most games understand where the catalogue says nothing. */
const USUAL: readonly PadButton[] = [
  { label: "Space", code: "Space" },
  { label: "Ctrl", code: "ControlLeft" },
  { label: "Enter", code: "Enter" },
];
const MOST = 4;
const LONGEST_LABEL = 8;

const NAMED: Readonly<Record<string, string>> = {
  space: "Space",
  enter: "Enter",
  return: "Enter",
  ctrl: "ControlLeft",
  control: "ControlLeft",
  shift: "ShiftLeft",
  alt: "AltLeft",
  tab: "Tab",
  backspace: "Backspace",
  del: "Delete",
  delete: "Delete",
};

/** The buttons beside the arrows, from the keys that the catalogue tells of a game. */
export function padButtons(app: Pick<App, "keys"> | null): readonly PadButton[] {
  const buttons: PadButton[] = [];
  for (const { keys, does } of app?.keys ?? []) {
    const code = keyCode(keys);
    if (code === null || buttons.some((button) => button.code === code)) continue;
    buttons.push({ label: does.length > 0 && does.length <= LONGEST_LABEL ? capital(does) : keys, code });
  }
  return buttons.length === 0 ? USUAL : buttons.slice(0, MOST);
}

/** The KeyboardEvent.code of a key as people write it, null for several keys, arrows, Escape and what is no key. */
export function keyCode(keys: string): string | null {
  const name = keys.trim();
  if (/^[a-z]$/i.test(name)) return `Key${name.toUpperCase()}`;
  if (/^\d$/.test(name)) return `Digit${name}`;
  if (/^F([1-9]|1[0-2])$/i.test(name)) return name.toUpperCase();
  return NAMED[name.toLowerCase()] ?? null;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Part of the pad's half width round its middle where no direction is meant. */
const REST = 0.22;
/** How far off an axis a finger may be and still mean that axis alone: tan 22.5°. */
const DIAGONAL = 0.414;

/** The arrows that a thumb at a place means; the pad's middle is 0, its rim 1. Two of them on a diagonal. */
export function directions(x: number, y: number): ReadonlySet<string> {
  const meant = new Set<string>();
  if (Math.hypot(x, y) < REST) return meant;
  if (Math.abs(x) > Math.abs(y) * DIAGONAL) meant.add(x < 0 ? "ArrowLeft" : "ArrowRight");
  if (Math.abs(y) > Math.abs(x) * DIAGONAL) meant.add(y < 0 ? "ArrowUp" : "ArrowDown");
  return meant;
}
