import { describe, expect, it } from "vitest";
import { type Cause, CauseTeller, causeOf, type Signs } from "./cause.js";
import type { LinkFigures, VideoNotice } from "./control/notice.js";
import type { Latency, Stats } from "./media/stats.js";

// A second in which all is well.
const LINK: LinkFigures = { state: "steady", cause: "none", target: 8e6, capacity: 20e6, queue: 1, loss: 0, leftOut: 0 };
const LATENCY: Latency = { total: 30, edge: 6, network: 12, decode: 3, present: 9 };
const STATS: Stats = {
  fps: 60,
  bitrate: 7e6,
  roundTrip: 20,
  jitter: 2,
  loss: 0,
  latency: LATENCY,
  edgeStages: { capture_convert: { p50: 1, p99: 2 }, encode: { p50: 3, p99: 5 }, edge_overhead: { p50: 2, p99: 40 } },
  link: LINK,
  freezes: 0,
  dropped: 0,
  lost: 0,
  width: 1280,
  height: 720,
};
const VIDEO: VideoNotice = {
  kind: "video",
  encoder: "x264",
  codec: "h264",
  width: 1280,
  height: 720,
  frameRate: 60,
  reason: "",
  instead: "",
  limit: "",
};
const WELL: Signs = { silence: null, online: true, signaling: null, stats: STATS, video: VIDEO, dropped: 0 };

const stats = (change: Partial<Stats>) => ({ stats: { ...STATS, ...change } });
const link = (change: Partial<LinkFigures>) => ({ link: { ...LINK, ...change } });
const decode = (ms: number) => ({ latency: { ...LATENCY, decode: ms } });
const encode = (ms: number) => ({ edgeStages: { capture_convert: { p50: 1, p99: 2 }, encode: { p50: ms, p99: ms } } });
const video = (change: Partial<VideoNotice>) => ({ video: { ...VIDEO, ...change } });
const nothing = { link: null, roundTrip: null, latency: null, edgeStages: {}, fps: 0 };

describe("what is wrong", () => {
  const table: readonly (readonly [string, Partial<Signs>, string | null, RegExp | null])[] = [
    ["all is well", {}, null, null],
    ["nothing is known yet", { ...stats(nothing), video: null }, null, null],
    ["there is nothing to be known", { stats: null, video: null }, null, null],
    ["the device says that it has no network", { silence: 2_000, online: false }, "network", /offline.*nothing heard for 2 s/],
    ["neither edge nor signaling is heard", { silence: 3_000, signaling: false }, "network", /gone/],
    ["only the edge is not heard", { silence: 3_000, signaling: true }, "route", /server can still be reached/],
    [
      "silence explains whatever else is wrong",
      { silence: 3_000, signaling: true, ...stats({ loss: 0.5 }) },
      "route",
      /broken/,
    ],
    [
      "the decoder gets fewer frames",
      { ...stats(decode(9)), ...video({ limit: "device", frameRate: 30 }) },
      "device",
      /decode/,
    ],
    [
      "the governor has stepped down",
      { ...stats(encode(27)), ...video({ limit: "edge", frameRate: 30 }) },
      "edge",
      /28 ms.*30 fps/,
    ],
    ["the machine's work is longer than a frame", stats(encode(18)), "edge", /19 ms of work/],
    ["the decoder takes nearly all of a frame's time", stats(decode(14)), "device", /14 ms a picture of 17 ms/],
    ["the same decoder suffices for 30 frames", { ...stats(decode(14)), ...video({ frameRate: 30 }) }, null, null],
    ["packets wait on the link", stats(link({ queue: 140, target: 2.1e6 })), "network", /in line.*140 ms.*2\.1 Mbit\/s/],
    ["somebody else fills the queue", stats(link({ state: "competing", queue: 45 })), "network", /something else.*45 ms/],
    [
      "the link carries too little",
      { ...stats(link({ target: 1.2e6 })), ...video({ limit: "link" }) },
      "network",
      /little.*1\.2/,
    ],
    [
      "one who looks on is left pictures out",
      stats(link({ leftOut: 41, target: 2e6, queue: 200 })),
      "network",
      /some are left out.*41 left out.*2\.0 Mbit/,
    ],
    ["packets are lost, evenly", stats({ loss: 0.04 }), "route", /loses packets.*4 % lost/],
    ["packets are lost as the edge sees it", stats(link({ loss: 0.03 })), "route", /3 % lost/],
    ["packets are lost unevenly, as on Wi-Fi", stats({ loss: 0.04, jitter: 50 }), "network", /Wi-Fi.*4 % lost.*50 ms jitter/],
    ["packets come unevenly", stats({ jitter: 45 }), "network", /uneven.*45 ms jitter/],
    ["the machine is far away", stats({ roundTrip: 180 }), "route", /is long.*180 ms/],
    ["frames are left out though all came", { dropped: 9, ...stats({ fps: 50 }) }, "device", /leaves out.*9 left out/],
    ["a full link makes frames late", { dropped: 9, ...stats(link({ queue: 90 })) }, "network", /full/],
    ["a frame or two left out", { dropped: 2 }, null, null],
  ];
  it.each(table)("%s", (_, signs, where, says) => {
    const found = causeOf({ ...WELL, ...signs });
    expect(found?.where ?? null).toBe(where);
    if (says !== null) expect(`${found?.sentence} ${found?.figures.join(", ")}`).toMatch(says);
  });
});

describe("what is told", () => {
  const full: Cause = { where: "network", sentence: "full", figures: ["1"] };
  const fuller: Cause = { where: "network", sentence: "full", figures: ["2"] };
  const slow: Cause = { where: "device", sentence: "slow", figures: [] };
  const tell = (teller: CauseTeller, ...causes: (Cause | null)[]) => causes.map((cause) => teller.observe(cause));

  it("is nothing that lasts for a moment", () => {
    expect(tell(new CauseTeller(), full, full, null, full, null)).toEqual([null, null, null, null, null]);
  });

  it("stays, with the newest figures, until all was well for a while", () => {
    const teller = new CauseTeller();
    expect(tell(teller, full, full, full, fuller)).toEqual([null, null, full, fuller]);
    expect(tell(teller, null, null, fuller, null, null, null)).toEqual([fuller, fuller, fuller, fuller, fuller, fuller]);
    expect(tell(teller, null, null)).toEqual([null, null]);
  });

  it("changes to what has lasted as well", () => {
    const teller = new CauseTeller();
    tell(teller, full, full, full);
    expect(tell(teller, slow, full, slow, slow, slow)).toEqual([full, full, full, full, slow]);
  });

  it("is at once what there is no doubt about", () => {
    expect(new CauseTeller().observe(full, true)).toBe(full);
  });
});
