import { css } from "lit";

/** The frame of the operator's page. */
export const frame = css`
  header {
    position: sticky;
    top: 0;
    z-index: 1;
    background: color-mix(in srgb, var(--surface) 92%, transparent);
    backdrop-filter: blur(8px);
    border-bottom: 1px solid var(--line);
  }
  .top,
  nav,
  main {
    max-width: 78rem;
    margin: 0 auto;
    padding-inline: max(1.2rem, env(safe-area-inset-left));
  }
  .top {
    display: flex;
    align-items: center;
    gap: 1rem;
    min-height: 3.6rem;
  }
  .top .state {
    margin-left: auto;
  }
  .mark {
    display: flex;
    overflow: hidden;
  }
  .mark svg {
    flex: none;
    width: 132px;
  }
  nav {
    display: flex;
    gap: 0.25rem;
    overflow-x: auto;
    scrollbar-width: none;
  }
  nav button {
    border: 0;
    border-radius: 0;
    background: transparent;
    color: var(--muted);
    padding: 0.55rem 0.7rem;
    border-bottom: 2px solid transparent;
  }
  nav button:hover {
    color: var(--text);
    background: transparent;
  }
  nav button[aria-selected="true"] {
    color: var(--text);
    border-bottom-color: var(--light);
  }
  nav small {
    font-size: 0.78rem;
    font-weight: 500;
    color: var(--muted);
    margin-left: 0.3rem;
  }
  main {
    padding-block: 1.4rem 4rem;
  }
  .more {
    display: flex;
    justify-content: center;
    gap: 0.6rem;
    margin-top: 1rem;
  }
  .nodes {
    display: grid;
    gap: 1rem;
    grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr));
  }
  .node {
    padding: 1rem 1.2rem;
    display: grid;
    gap: 0.6rem;
  }
  .node dl {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 0.15rem 1rem;
    margin: 0;
    font-size: 0.9rem;
  }
  .node dt {
    color: var(--muted);
  }
  .node dd {
    margin: 0;
    font-variant-numeric: tabular-nums;
  }
  @media (max-width: 30rem) {
    .top,
    nav,
    main {
      padding-inline: 0.9rem;
    }
    .top {
      gap: 0.5rem;
    }
    .mark {
      width: 26px;
    }
    .top .state {
      margin-left: 0.2rem;
      margin-right: auto;
    }
    nav {
      flex-wrap: wrap;
      gap: 0;
    }
    nav button {
      padding-inline: 0.4rem;
    }
  }
`;
