import { html } from "lit";

/** The mark, a light close by, with the name beside it. */
export const logo = html`<svg class="logo" viewBox="0 0 132 28" height="28" role="img" aria-label="Nearlight">
  <circle cx="9" cy="19" r="4.6" fill="var(--light)" />
  <path d="M9 9.8a9.2 9.2 0 0 1 9.2 9.2" fill="none" stroke="var(--light)" stroke-width="2.4" stroke-linecap="round" />
  <path
    d="M9 4.2A14.8 14.8 0 0 1 23.8 19"
    fill="none"
    stroke="var(--light)"
    stroke-opacity="0.4"
    stroke-width="2.4"
    stroke-linecap="round"
  />
  <text x="34" y="21" fill="currentColor" font-family="var(--font)" font-size="18.5" font-weight="650" letter-spacing="-0.5">
    nearlight
  </text>
</svg>`;
