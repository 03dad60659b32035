import { html } from "lit";

/** What became of the link for who looks on: copied, or to be copied by hand. */
export interface Sharing {
  readonly copied: boolean;
  readonly url: string;
}

const COPIED_MS = 6_000;
const BY_HAND_MS = 20_000;

/** How long it is said, in milliseconds. */
export function lasting(sharing: Sharing): number {
  return sharing.copied ? COPIED_MS : BY_HAND_MS;
}

/** Copies a link. Browsers refuse that to pages without HTTPS, and some to pages that were not clicked a moment ago. */
export async function share(url: string): Promise<Sharing> {
  try {
    await navigator.clipboard.writeText(url);
    return { copied: true, url };
  } catch {
    return { copied: false, url };
  }
}

/** Says so, over the picture. */
export function notice(sharing: Sharing) {
  if (sharing.copied)
    return html`<p class="notice" role="status"><b>Link copied.</b> Whoever opens it sees your game and cannot play in it.</p>`;
  return html`<p class="notice" role="status">
    <label>This link shows your game:
      <input readonly .value=${sharing.url} @focus=${(event: FocusEvent) => (event.target as HTMLInputElement).select()} />
    </label>
  </p>`;
}
