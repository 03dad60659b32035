import { css } from "lit";

/** How the tabs of checks and of the audit log look, beside what the console's tables do. */
export const checksLook = css`
  section + section {
    margin-top: 1.6rem;
  }
  section > h3 {
    margin-bottom: 0.6rem;
    font-size: 1rem;
  }
  .verify {
    max-width: 100ch;
    margin-bottom: 1.2rem;
    font-size: 0.87rem;
  }
  .left {
    margin-top: 0.5rem;
    font-size: 0.83rem;
  }
  td small.means {
    max-width: 34ch;
  }
  td small.said.good {
    color: var(--good);
  }
  td small.said.bad {
    color: var(--bad);
  }
  .score {
    display: grid;
    gap: 0.1rem;
    min-width: 8.5rem;
    max-width: 16rem;
  }
  .score svg {
    width: 100%;
    height: 12px;
    border-radius: 4px;
  }
  .score small {
    color: var(--muted);
    font-size: 0.8rem;
  }
  .track {
    fill: var(--raised);
  }
  .value {
    fill: var(--light);
  }
  .range {
    fill: var(--text);
  }
  .due {
    list-style: none;
    margin: 0;
    padding: 0;
    font-size: 0.87rem;
  }
  .due b,
  .what b {
    font-weight: 600;
  }
  .verdict + .verdict {
    border-top: 1px solid var(--line);
  }
  .verdict summary {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.25rem 0.8rem;
    min-height: 44px;
    padding: 0.5rem 0.9rem;
    cursor: pointer;
    list-style: none;
  }
  .verdict summary::-webkit-details-marker {
    display: none;
  }
  .verdict summary::before {
    content: "";
    flex: none;
    width: 0.45rem;
    height: 0.45rem;
    border: solid var(--muted);
    border-width: 0 2px 2px 0;
    transform: rotate(-45deg);
    transition: transform var(--quick);
  }
  .verdict[open] summary::before {
    transform: rotate(45deg);
  }
  .verdict summary:hover {
    background: var(--raised);
  }
  .verdict summary:focus-visible {
    outline-offset: -2px;
  }
  .what {
    flex: 1 1 12rem;
    min-width: 0;
    overflow-wrap: anywhere;
  }
  .opened {
    display: grid;
    gap: 0.9rem;
    padding: 0.4rem 0.9rem 1.1rem;
  }
  .opened > * {
    min-width: 0;
  }
  .opened .panel {
    box-shadow: none;
  }
  .told {
    white-space: pre-line;
    overflow-wrap: anywhere;
    max-width: 80ch;
  }
  .conduct {
    display: grid;
    gap: 0.15rem 1rem;
    margin: 0;
    font-size: 0.9rem;
  }
  .conduct dd {
    margin: 0 0 0.35rem;
  }
  .detail {
    overflow-wrap: anywhere;
  }
  td time,
  td.brief {
    white-space: nowrap;
  }
`;
