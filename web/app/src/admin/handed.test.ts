import { expect, it } from "vitest";
import { takeHanded } from "./handed.js";

function place(hash: string) {
  const addresses: string[] = [];
  return {
    addresses,
    location: { hash, pathname: "/", search: "?x=1" },
    history: {
      state: null,
      replaceState: (_: unknown, __: string, url?: string | URL | null) => void addresses.push(String(url)),
    },
  };
}

it("takes the token out of the address at once", () => {
  const from = place("#token=ABC&tab=Checks");
  expect(takeHanded(from)).toEqual({ token: "ABC", tab: "Checks" });
  expect(from.addresses).toEqual(["/?x=1"]);
});

it("leaves an address without a fragment alone, and tabs that are none", () => {
  const plain = place("");
  expect(takeHanded(plain)).toEqual({ token: null, tab: null });
  expect(plain.addresses).toEqual([]);
  expect(takeHanded(place("#token=&tab=constructor"))).toEqual({ token: null, tab: null });
});
