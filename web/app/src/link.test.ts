import { expect, it } from "vitest";
import { appOf, takeLink } from "./link.js";

function place(hash: string, stored: Record<string, string> = {}) {
  const addresses: string[] = [];
  return {
    addresses,
    stored,
    location: { hash, pathname: "/", search: "" },
    history: {
      state: null,
      replaceState: (_: unknown, __: string, url?: string | URL | null) => void addresses.push(String(url)),
    },
    storage: {
      getItem: (key: string) => stored[key] ?? null,
      setItem: (key: string, value: string) => {
        stored[key] = value;
      },
    },
  };
}

const token = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;

it("takes the token out of the address at once, and finds it again after a reload", () => {
  const first = place(`#token=${token({})}&autoplay=1`);
  expect(takeLink(first)).toMatchObject({ token: token({}), app: null, autoplay: true });
  expect(first.addresses).toEqual(["/"]);
  const reloaded = place("", first.stored);
  expect(takeLink(reloaded)).toMatchObject({ token: token({}), autoplay: true });
  expect(reloaded.addresses).toEqual([]);
});

it("knows the game from the link, else from the token", () => {
  expect(takeLink(place(`#token=${token({ app: "pong" })}&app=scene`)).app).toBe("scene");
  expect(takeLink(place(`#token=${token({ app: "pong" })}`)).app).toBe("pong");
});

it("names the session to look on at", () => {
  expect(takeLink(place(`#token=${token({})}&watch=s-abc`)).watch).toBe("s-abc");
  expect(takeLink(place(`#token=${token({})}`)).watch).toBeNull();
});

it("holds no token where the link has none", () => {
  expect(takeLink(place("")).token).toBeNull();
  expect(takeLink(place("#token=")).token).toBeNull();
});

it.each([
  "",
  "a",
  "a.b.c",
  "a.%%%.c",
  `e30.${Buffer.from("[]").toString("base64url")}.x`,
  token({ app: 7 }),
  token({ app: "" }),
])("reads no game from %j", (text) => {
  expect(appOf(text)).toBeNull();
});

it("reads names in any script", () => {
  expect(appOf(token({ app: "größe-漢" }))).toBe("größe-漢");
});
