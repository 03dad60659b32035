import { describe, expect, it } from "vitest";
import { type Cause, CauseTeller, causeOf, type Signs } from "./cause.js";

/** A second in which all is well. */
const WELL: Signs = {
  silence: null,
  online: true,
  signaling: null,
  fps: 60,
  frameRate: 60,
  limit: "",
  work: 4,
  link: { state: "steady", cause: "none", target: 8e6, capacity: 20e6, queue: 1, loss: 0 },
  roundTrip: 20,
  jitter: 2,
  loss: 0,
  decode: 3,
  dropped: 0,
};
const LINK = WELL.link ?? undefined;
const link = (change: Partial<NonNullable<Signs["link"]>>) => ({
  link: { ...(LINK as NonNullable<Signs["link"]>), ...change },
});

describe("what is wrong", () => {
  const table: readonly (readonly [string, Partial<Signs>, string | null, RegExp | null])[] = [
    ["all is well", {}, null, null],
    ["nothing is known yet", { frameRate: 0, fps: 0, work: null, link: null, roundTrip: null, decode: null }, null, null],
    ["the device says that it has no network", { silence: 2_000, online: false }, "network", /offline.*nothing heard for 2 s/],
    ["neither edge nor signaling is heard", { silence: 3_000, signaling: false }, "network", /gone/],
    ["only the edge is not heard", { silence: 3_000, signaling: true }, "route", /server can still be reached/],
    ["silence explains whatever else is wrong", { silence: 3_000, signaling: true, decode: 40, loss: 0.5 }, "route", /broken/],
    [
      "the governor has stepped down",
      { limit: "edge", frameRate: 30, fps: 30, work: 28 },
      "edge",
      /keep up.*28 ms of work.*30 fps/,
    ],
    ["the machine's work is longer than a frame", { work: 19 }, "edge", /19 ms/],
    ["the decoder takes nearly all of a frame's time", { decode: 14 }, "device", /14 ms a picture of 17 ms/],
    ["the same decoder suffices for 30 frames", { decode: 14, frameRate: 30, fps: 30 }, null, null],
    ["packets wait on the link", link({ queue: 140, target: 2.1e6 }), "network", /in line.*140 ms.*2\.1 Mbit\/s/],
    ["somebody else keeps the queue filled", link({ state: "competing", queue: 45 }), "network", /something else.*45 ms/],
    ["the link carries too little", { limit: "link", ...link({ target: 1.2e6 }) }, "network", /too little.*1\.2 Mbit\/s/],
    ["packets are lost, evenly", { loss: 0.04 }, "route", /loses packets.*4 % lost/],
    ["packets are lost as the edge sees it", link({ loss: 0.03 }), "route", /3 % lost/],
    ["packets are lost and come unevenly, as on Wi-Fi", { loss: 0.04, jitter: 50 }, "network", /Wi-Fi.*4 % lost.*50 ms jitter/],
    ["packets come unevenly", { jitter: 45 }, "network", /uneven.*45 ms jitter/],
    ["the machine is far away", { roundTrip: 180 }, "route", /is long.*180 ms/],
    ["frames are left out though all came", { dropped: 9, fps: 50 }, "device", /leaves out.*9 left out/],
    ["a full link makes frames late: the device is not to blame", { dropped: 9, ...link({ queue: 90 }) }, "network", /full/],
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
