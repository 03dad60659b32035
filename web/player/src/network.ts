/** Calls changed whenever the browser tells of another network, as far as it does, until signal is aborted. */
export function watchNetwork(changed: () => void, signal: AbortSignal): void {
  for (const name of ["online", "offline"]) addEventListener(name, changed, { signal });
  const { connection }: Navigator & { readonly connection?: EventTarget } = navigator;
  connection?.addEventListener("change", changed, { signal });
}
