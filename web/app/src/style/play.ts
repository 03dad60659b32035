import { css } from "lit";

/** The play page: the picture fills it, everything else lies over the picture. */
export const playStyle = css`
  :host {
    position: fixed;
    inset: 0;
    height: 100dvh;
    background: #000;
    overflow: hidden;
  }
  .stage,
  .stage > .screen {
    position: absolute;
    inset: 0;
  }
  .sheet {
    position: absolute;
    inset: 0;
    display: grid;
    place-items: center;
    overflow: auto;
    padding: calc(1.25rem + env(safe-area-inset-top)) calc(1.25rem + env(safe-area-inset-right))
      calc(1.25rem + env(safe-area-inset-bottom)) calc(1.25rem + env(safe-area-inset-left));
    background:
      radial-gradient(50rem 26rem at 50% -8%, rgb(255 182 92 / 10%), transparent 70%), var(--ground);
  }
  .sheet.over {
    background: rgb(6 8 12 / 66%);
    backdrop-filter: blur(6px);
  }
  .panel {
    width: min(27rem, 100%);
    display: grid;
    gap: 1.25rem;
  }
  .panel h1 {
    font-size: 1.7rem;
  }
  .panel .logo {
    margin-bottom: 0.5rem;
  }
  .ready {
    justify-items: center;
    text-align: center;
  }
  .picture {
    width: 100%;
    aspect-ratio: 16 / 9;
    border-radius: var(--radius);
    border: 1px solid var(--line);
    background: linear-gradient(140deg, #202738, #141925);
    display: grid;
    place-items: center;
    overflow: hidden;
  }
  .picture > * {
    grid-area: 1 / 1;
  }
  .picture img {
    width: 100%;
    height: 100%;
    object-fit: cover;
  }
  .initial {
    font-size: 4rem;
    font-weight: 650;
    color: #465069;
  }
  .ready button.primary {
    font-size: 1.1rem;
    min-width: 12rem;
    min-height: 52px;
    border-radius: 999px;
  }
  .lead {
    color: var(--muted);
  }
  .keys {
    list-style: none;
    margin: 0;
    padding: 0;
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 1rem;
    justify-content: center;
    font-size: 0.9rem;
    color: var(--muted);
  }
  .keys li {
    display: flex;
    gap: 0.4rem;
    align-items: baseline;
  }
  .hint,
  .loading {
    position: absolute;
    left: 50%;
    translate: -50% 0;
    bottom: calc(1.5rem + env(safe-area-inset-bottom));
    padding: 0.5rem 1rem;
    border-radius: 999px;
    background: rgb(11 13 18 / 82%);
    border: 1px solid rgb(255 255 255 / 9%);
    color: var(--muted);
    font-size: 0.85rem;
    pointer-events: none;
    white-space: nowrap;
  }
  .notice {
    position: absolute;
    left: 50%;
    translate: -50% 0;
    bottom: calc(1.5rem + env(safe-area-inset-bottom));
    width: max-content;
    max-width: calc(100% - 2rem);
    padding: 0.7rem 1.1rem;
    border-radius: var(--radius);
    background: rgb(11 13 18 / 94%);
    border: 1px solid rgb(255 255 255 / 12%);
    color: var(--muted);
    font-size: 0.9rem;
    text-align: center;
    text-wrap: balance;
  }
  .notice.passing {
    animation: pass 15s ease-in forwards;
  }
  @keyframes pass {
    90% {
      opacity: 1;
    }
    to {
      opacity: 0;
      visibility: hidden;
    }
  }
  .notice b {
    color: var(--light);
    font-weight: 600;
  }
  .notice input {
    font: 0.8rem/1.5 var(--mono);
    color: var(--text);
    background: var(--ground);
    border: 1px solid var(--line);
    border-radius: 8px;
    padding: 0.35rem 0.6rem;
    width: 22rem;
    max-width: 100%;
  }
  .notice label {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    justify-items: center;
    gap: 0.4rem;
  }
  .stage > .cause {
    position: absolute;
    left: calc(1rem + env(safe-area-inset-left));
    bottom: calc(1.5rem + env(safe-area-inset-bottom));
    max-width: min(24rem, calc(100% - 2rem));
    padding: 0.5rem 0.9rem;
    border-radius: 12px;
    background: rgb(11 13 18 / 82%);
    border: 1px solid rgb(255 255 255 / 9%);
    pointer-events: none;
    animation: appear 300ms ease-out;
  }
  .cause.still {
    max-width: 24rem;
  }
  @keyframes appear {
    from {
      opacity: 0;
    }
  }
  .hint {
    transition: opacity 500ms ease-out;
  }
  .hint.gone {
    opacity: 0;
  }
  nl-overlay {
    position: absolute;
    left: calc(1rem + env(safe-area-inset-left));
    top: calc(1rem + env(safe-area-inset-top));
    max-width: calc(100% - 2rem);
  }
  .tools {
    position: absolute;
    top: calc(0.75rem + env(safe-area-inset-top));
    right: calc(0.75rem + env(safe-area-inset-right));
    display: flex;
    gap: 0.4rem;
    opacity: 0.28;
    transition: opacity var(--quick);
  }
  .tools:hover,
  .tools:focus-within {
    opacity: 1;
  }
  .tools button {
    padding: 0;
    width: 44px;
    display: grid;
    place-items: center;
    background: rgb(11 13 18 / 72%);
    border-color: rgb(255 255 255 / 12%);
  }
  .tools svg {
    width: 20px;
    height: 20px;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.8;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .tools .touch-only {
    display: none;
  }
  /* Whoever is heard is to see it. */
  .tools.speaking {
    opacity: 1;
  }
  .tools .heard {
    background: #b3261e;
    color: #fff;
  }
  .tools .asking svg {
    animation: appear 700ms ease-in-out infinite alternate;
  }
  .typing {
    position: absolute;
    top: 0;
    left: 0;
    width: 1px;
    height: 1px;
    opacity: 0;
    border: 0;
    font-size: 16px;
  }
  .back {
    display: grid;
    justify-items: center;
    gap: 1rem;
    text-align: center;
  }
  .ring {
    width: 6.5rem;
    height: 6.5rem;
  }
  .ring text {
    font: 650 30px var(--font);
    fill: var(--text);
    text-anchor: middle;
  }
  .ring .left {
    transition: stroke-dashoffset 1s linear;
  }
  /* A phone held sideways: the Play button comes before the picture. */
  @media (max-height: 540px) {
    .panel {
      gap: 0.7rem;
    }
    .ready .logo {
      display: none;
    }
    .panel .picture {
      width: auto;
      height: 28dvh;
    }
  }
  /* In full screen the picture's corners are the game's alone. */
  @media (pointer: fine) {
    :host(:fullscreen) .tools:not(.speaking),
    :host(:fullscreen) .tools button:not(.heard) {
      display: none;
    }
  }
  @media (pointer: coarse) {
    .tools {
      opacity: 0.75;
    }
    .tools .touch-only {
      display: grid;
    }
    .hint {
      display: none;
    }
    .notice,
    .stage > .cause {
      bottom: auto;
      top: calc(4.25rem + env(safe-area-inset-top));
    }
  }
  /* Held upright, the picture goes to the top, and the thumbs have the rest. */
  @media (pointer: coarse) and (orientation: portrait) {
    .stage > .screen {
      top: calc(4.25rem + env(safe-area-inset-top));
    }
    .screen video,
    .screen canvas {
      object-position: 50% 0;
    }
    nl-overlay,
    .notice,
    .stage > .cause {
      top: calc(5rem + 56.25vw + env(safe-area-inset-top));
    }
  }
`;
