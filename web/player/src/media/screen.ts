/**
 * The video element and, over it, a canvas that holds the last frame while a lost connection is being mended: a video whose
 * stream is replaced would turn black.
 */
export class Screen {
  readonly video: HTMLVideoElement;
  readonly #made: boolean;
  readonly #still: HTMLCanvasElement;

  /** Takes a video element, or makes one that fills the given container. */
  constructor(element: HTMLElement) {
    this.#made = !(element instanceof HTMLVideoElement);
    this.video = element instanceof HTMLVideoElement ? element : document.createElement("video");
    this.video.playsInline = true;
    this.video.muted = true; // the sound has an element of its own, and what is muted plays without a gesture
    this.video.autoplay = true;
    this.video.disablePictureInPicture = true;
    this.video.tabIndex = 0;
    this.video.style.touchAction = "none";
    this.video.style.outline = "none";
    this.#still = document.createElement("canvas");
    this.#still.style.position = "absolute";
    this.#still.style.pointerEvents = "none";
    this.#still.style.display = "none";
    if (this.#made) {
      for (const [name, value] of [
        ["width", "100%"],
        ["height", "100%"],
        ["object-fit", "contain"],
        ["display", "block"],
      ] as const) {
        this.video.style.setProperty(name, value);
      }
      if (getComputedStyle(element).position === "static") element.style.position = "relative";
      element.append(this.video);
    }
    this.video.after(this.#still);
  }

  show(stream: MediaStream): void {
    this.video.srcObject = stream;
    // A browser that refuses shows it as a picture that does not come, which the session tells in its own time.
    void this.video.play().catch(() => undefined);
  }

  /** Holds the frame that is shown now. Does nothing before the first one. */
  freeze(): void {
    const { video } = this;
    if (video.videoWidth === 0 || this.#still.style.display !== "none") return;
    this.#still.width = video.videoWidth;
    this.#still.height = video.videoHeight;
    this.#still.getContext("2d")?.drawImage(video, 0, 0);
    const style = getComputedStyle(video);
    this.#still.style.objectFit = style.objectFit;
    this.#still.style.objectPosition = style.objectPosition;
    this.#still.style.left = `${video.offsetLeft}px`;
    this.#still.style.top = `${video.offsetTop}px`;
    this.#still.style.width = this.#made ? "100%" : `${video.offsetWidth}px`;
    this.#still.style.height = this.#made ? "100%" : `${video.offsetHeight}px`;
    this.#still.style.display = "block";
  }

  thaw(): void {
    this.#still.style.display = "none";
  }

  /** Takes away what the constructor made. A frozen frame stays until then. */
  close(): void {
    this.#still.remove();
    this.video.srcObject = null;
    if (this.#made) this.video.remove();
  }
}
