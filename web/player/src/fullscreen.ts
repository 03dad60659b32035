/** Keyboard Lock, which only Chromium has: https://wicg.github.io/keyboard-lock/ */
interface KeyboardLock {
  lock(codes?: string[]): Promise<void>;
}

/**
 * Shows an element in full screen and takes the keys that the browser and system would keep, as far as this browser can. An
 * iPhone has neither, but for a bare video without any controls on it: there the page itself fills the screen.
 */
export async function enterFullScreen(element: HTMLElement): Promise<void> {
  if (typeof element.requestFullscreen !== "function" || document.fullscreenElement !== null) return;
  try {
    await element.requestFullscreen({ navigationUI: "hide" });
    const { keyboard } = navigator as Navigator & { readonly keyboard?: KeyboardLock };
    await keyboard?.lock();
  } catch {
    // The browser's or the player's choice, not a failure: the game plays in the page.
  }
}
