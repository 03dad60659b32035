/** One presented frame, as requestVideoFrameCallback tells it. Times are performance.now() milliseconds. */
export interface FrameSample {
  /** RTP timestamp: the edge's clock at capture, in 90 kHz ticks modulo 2^32. */
  readonly rtp: number;
  /** When the callback's rendering opportunity began; ticks at the display's rate. */
  readonly now: number;
  /** When the frame was handed to be composed. */
  readonly presented: number;
  /** When its last packet came. */
  readonly received: number;
  /** How long it was decoded. */
  readonly decode: number;
  /** How many were presented so far, those included for which no callback ran. */
  readonly count: number;
  readonly width: number;
  readonly height: number;
  /** The frame's place on the media timeline in seconds; a VideoFrame of the same picture has it as timestamp. */
  readonly mediaTime: number;
}

/**
 * Calls seen for every presented frame of the video, until the returned function is called. A browser that does not tell RTP
 * timestamps gets rtp 0 and counts as one whose frames cannot be acknowledged.
 */
export function watchFrames(video: HTMLVideoElement, seen: (frame: FrameSample) => void): () => void {
  let handle = 0;
  const step: VideoFrameRequestCallback = (now, metadata) => {
    handle = video.requestVideoFrameCallback(step);
    seen({
      rtp: metadata.rtpTimestamp ?? 0,
      now,
      presented: metadata.presentationTime,
      received: metadata.receiveTime ?? metadata.presentationTime,
      decode: (metadata.processingDuration ?? 0) * 1000,
      count: metadata.presentedFrames,
      width: metadata.width,
      height: metadata.height,
      mediaTime: metadata.mediaTime,
    });
  };
  handle = video.requestVideoFrameCallback(step);
  return () => video.cancelVideoFrameCallback(handle);
}
