import { css } from "lit";

/** What the console's components look alike in: buttons, fields, tables that become cards on a phone, and words for states. */
export const looks = css`
  * {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p {
    margin: 0;
  }
  h1,
  h2,
  h3 {
    font-weight: 650;
    letter-spacing: -0.01em;
    line-height: 1.25;
    text-wrap: balance;
  }
  h2 {
    font-size: 1.15rem;
  }
  button {
    font: inherit;
    font-size: 0.87rem;
    font-weight: 600;
    color: var(--text);
    background: var(--raised);
    border: 1px solid var(--line);
    border-radius: 8px;
    padding: 0.35rem 0.75rem;
    min-height: 34px;
    cursor: pointer;
    white-space: nowrap;
    transition: background var(--quick);
  }
  button:hover {
    background: var(--hover);
  }
  button.primary {
    color: var(--on-light);
    background: var(--light);
    border-color: transparent;
  }
  button.danger {
    color: var(--bad);
  }
  button.quiet {
    background: transparent;
    border-color: transparent;
    color: var(--muted);
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  input,
  select,
  textarea {
    font: inherit;
    color: var(--text);
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: 8px;
    padding: 0.35rem 0.65rem;
    min-height: 34px;
    min-width: 0;
  }
  ::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  :focus-visible {
    outline: 2px solid var(--light);
    outline-offset: 2px;
  }
  code,
  .id {
    font-family: var(--mono);
    font-size: 0.82em;
    overflow-wrap: anywhere;
  }
  .muted {
    color: var(--muted);
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
    align-items: center;
    margin-bottom: 0.9rem;
  }
  .bar h2 {
    margin-right: auto;
  }
  .panel {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    box-shadow: var(--shadow);
    overflow: hidden;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-variant-numeric: tabular-nums;
  }
  th,
  td {
    text-align: left;
    padding: 0.6rem 0.9rem;
    vertical-align: middle;
  }
  th {
    font-size: 0.76rem;
    font-weight: 600;
    letter-spacing: 0.03em;
    color: var(--muted);
    background: var(--raised);
    border-bottom: 1px solid var(--line);
    white-space: nowrap;
  }
  tbody tr + tr td {
    border-top: 1px solid var(--line);
  }
  td small {
    display: block;
    color: var(--muted);
    font-size: 0.8rem;
  }
  td.acts {
    text-align: right;
    white-space: nowrap;
  }
  td.acts button + button {
    margin-left: 0.35rem;
  }
  .empty {
    padding: 2.5rem 1rem;
    text-align: center;
    color: var(--muted);
  }
  .state {
    display: inline-flex;
    align-items: center;
    gap: 0.4rem;
    border-radius: 999px;
    padding: 0.1rem 0.6rem;
    font-size: 0.8rem;
    font-weight: 600;
    background: var(--raised);
    color: var(--muted);
    white-space: nowrap;
  }
  .state::before {
    content: "";
    width: 7px;
    height: 7px;
    border-radius: 50%;
    background: currentColor;
  }
  .state.good {
    color: var(--good);
    background: var(--good-ground);
  }
  .state.bad {
    color: var(--bad);
    background: var(--bad-ground);
  }
  .state.warn {
    color: var(--warn);
    background: var(--warn-ground);
  }
  .notice {
    border: 1px solid var(--line);
    border-radius: 10px;
    padding: 0.6rem 0.9rem;
    margin-bottom: 0.9rem;
    background: var(--warn-ground);
    color: var(--text);
  }
  .notice.bad {
    background: var(--bad-ground);
  }
  .notice.good {
    background: var(--good-ground);
  }
  td .id {
    white-space: nowrap;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (max-width: 46rem) {
    button,
    input,
    select {
      min-height: 44px;
    }
    thead {
      position: absolute;
      clip-path: inset(50%);
    }
    tr {
      display: grid;
      grid-template-columns: 1fr 1fr;
      gap: 0.15rem 0.9rem;
      padding: 0.8rem 0.9rem;
    }
    tbody tr + tr {
      border-top: 1px solid var(--line);
    }
    td,
    tbody tr + tr td {
      display: block;
      border: 0;
      padding: 0.15rem 0;
      min-width: 0;
    }
    td::before {
      content: attr(data-name);
      display: block;
      font-size: 0.74rem;
      color: var(--muted);
    }
    td.wide,
    td.acts {
      grid-column: 1 / -1;
    }
    td.acts {
      text-align: left;
      display: flex;
      flex-wrap: wrap;
      gap: 0.4rem;
      padding-top: 0.5rem;
    }
    td.acts::before {
      content: none;
    }
    td.acts button + button {
      margin-left: 0;
    }
    .bar > input,
    .bar > select {
      flex: 1 1 8rem;
    }
    .bar h2 {
      flex-basis: 100%;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    * {
      transition: none !important;
    }
  }
`;
