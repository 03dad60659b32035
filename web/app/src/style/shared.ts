import { css } from "lit";

/** What the components look alike in: buttons, key caps, focus rings, and text that only screen readers read. */
export const shared = css`
  * {
    box-sizing: border-box;
  }
  h1,
  h2,
  p {
    margin: 0;
  }
  h1,
  h2 {
    font-weight: 650;
    letter-spacing: -0.015em;
    line-height: 1.2;
    text-wrap: balance;
  }
  button {
    font: inherit;
    font-weight: 600;
    color: var(--text);
    background: var(--raised);
    border: 1px solid var(--line);
    border-radius: 10px;
    padding: 0.6rem 1.1rem;
    min-height: 44px;
    cursor: pointer;
    transition:
      background var(--quick),
      border-color var(--quick),
      transform var(--quick);
  }
  button:hover {
    border-color: #424a60;
    background: #222735;
  }
  button:active {
    transform: translateY(1px);
  }
  button.primary {
    color: var(--on-light);
    background: var(--light);
    border-color: transparent;
  }
  button.primary:hover {
    background: var(--light-strong);
  }
  button.quiet {
    background: transparent;
    border-color: transparent;
    color: var(--muted);
  }
  button.quiet:hover {
    color: var(--text);
    background: var(--raised);
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  :focus-visible {
    outline: 2px solid var(--light);
    outline-offset: 3px;
  }
  kbd {
    display: inline-block;
    font: 500 0.78rem/1.4 var(--font);
    color: var(--text);
    background: var(--raised);
    border: 1px solid var(--line);
    border-bottom-width: 2px;
    border-radius: 6px;
    padding: 0.05rem 0.45rem;
    white-space: nowrap;
  }
  .cause {
    display: flex;
    gap: 0.6rem;
    align-items: baseline;
    text-align: left;
    font-size: 0.85rem;
    line-height: 1.4;
    text-wrap: pretty;
    font-variant-numeric: tabular-nums;
  }
  .cause i {
    flex: none;
    width: 8px;
    height: 8px;
    border-radius: 50%;
    background: var(--network);
  }
  .cause .edge {
    background: var(--edge);
  }
  .cause .device {
    background: var(--decode);
  }
  .cause small {
    display: block;
    color: var(--muted);
    font-size: 0.75rem;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
