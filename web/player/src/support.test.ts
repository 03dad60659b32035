import { afterEach, expect, test, vi } from "vitest";
import { type Decoding, named, smoothest } from "./support.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function browser(answers: Record<string, Decoding | "refuses" | "never">): void {
  vi.stubGlobal("navigator", {
    mediaCapabilities: {
      decodingInfo: ({ video }: { video: { contentType: string } }) => {
        const says = answers[video.contentType];
        if (says === "never") return new Promise(() => undefined);
        return says === undefined || says === "refuses" ? Promise.reject(new TypeError("webrtc")) : Promise.resolve(says);
      },
    },
  });
}

const smooth = { supported: true, smooth: true };
const jerky = { supported: true, smooth: false };

test("a format that the browser cannot show smoothly is left out", async () => {
  browser({ "video/H264": smooth, "video/AV1": jerky, "video/VP8": smooth });
  expect(await smoothest(["h264", "av1", "vp8"])).toEqual(["h264", "vp8"]);
});

test("where nothing is smooth the game is still shown", async () => {
  browser({ "video/H264": jerky, "video/VP8": jerky });
  expect(await smoothest(["h264", "vp8"])).toEqual(["h264", "vp8"]);
});

test("a browser that does not know the question is believed", async () => {
  browser({ "video/H264": "refuses", "video/VP8": jerky });
  expect(await smoothest(["h264", "vp8"])).toEqual(["h264"]);
  vi.stubGlobal("navigator", {});
  expect(await smoothest(["h264", "vp8"])).toEqual(["h264", "vp8"]);
});

test("a browser that does not answer is not waited for", async () => {
  vi.useFakeTimers();
  browser({ "video/H264": "never", "video/VP8": smooth });
  const asked = smoothest(["h264", "vp8"]);
  await vi.advanceTimersByTimeAsync(200);
  expect(await asked).toEqual(["h264", "vp8"]);
});

test("an edge is told that H.264 is decoded in 4:4:4 where the browser says so", () => {
  const says = (...fmtps: string[]) =>
    vi.stubGlobal("RTCRtpReceiver", {
      getCapabilities: () => ({
        codecs: fmtps.map((sdpFmtpLine) => ({ mimeType: "video/H264", clockRate: 90000, sdpFmtpLine })),
      }),
    });
  says(
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "profile-level-id=F4001f;packetization-mode=1",
  );
  expect(named(["h264", "vp8"])).toEqual(["h264", "vp8", "h264yuv444"]);
  expect(named(["vp8"])).toEqual(["vp8"]); // H.264 is not wanted
  says("packetization-mode=1;profile-level-id=42e01f");
  expect(named(["h264", "vp8"])).toEqual(["h264", "vp8"]);
});
