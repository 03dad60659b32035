import type { Microphone, Session } from "@nearlight/player";
import { html, nothing, svg } from "lit";

const LABELS = {
  off: "Your microphone is off: turn it on",
  refused: "Your microphone is off: turn it on",
  asking: "Your browser asks whether the game may hear you",
  on: "The game hears you: turn your microphone off",
} as const;

const CLASSES = { off: "", refused: "", asking: "asking", on: "heard" } as const;

/** The button that turns the microphone on and off; nothing where the game does not hear its player. */
export function microphoneButton(session: Session, microphone: Microphone | null) {
  if (microphone === null || microphone.state === "absent") return nothing;
  const { state } = microphone;
  return html`<button
    class=${CLASSES[state]}
    aria-label="Microphone"
    aria-pressed=${state === "on"}
    title=${LABELS[state]}
    @click=${() => {
      session.microphone = state === "off" || state === "refused";
      session.video.focus({ preventScroll: true }); // the next key is the game's again
    }}
  >
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d="M12 3.5a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5zM6 11a6 6 0 0 0 12 0M12 17v3.5" />
      ${state === "on" ? nothing : svg`<path d="M4 4l16 16" />`}
    </svg>
  </button>`;
}

/** Why the game does not hear the player, over the picture; null where there is nothing to say. */
export function refusal(microphone: Microphone | null) {
  if (microphone === null || microphone.error === null) return null;
  const { message, hint } = microphone.error;
  return html`<p class="notice passing" role="status"><b>${message}</b> ${hint}</p>`;
}
