import type { Cause } from "@nearlight/player";
import { html, nothing } from "lit";

/** What ails the game: a dot in the colour of where that lies, the sentence, and below it the figures. */
export function why({ where, sentence, figures }: Cause) {
  return html`<i class=${where}></i><span
      >${sentence}${figures.length === 0 ? nothing : html`<small>${figures.join(" · ")}</small>`}</span
    >`;
}
