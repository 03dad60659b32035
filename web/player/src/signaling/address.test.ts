import { expect, it } from "vitest";
import { servedAt, watchingAt } from "./address.js";

it.each([
  ["http://play.example", "http://play.example/api/apps"],
  ["https://play.example:8443/page", "https://play.example:8443/api/apps"],
  ["ws://play.example", "http://play.example/api/apps"],
  ["wss://play.example", "https://play.example/api/apps"],
])("asks %s over HTTP", (signal, address) => {
  expect(servedAt("/api/apps", signal).href).toBe(address);
});

it("names the session and the token where servers and proxies do not see them", () => {
  expect(watchingAt("wss://play.example/", "s-1", "a.b+c.d")).toBe("https://play.example/#token=a.b%2Bc.d&watch=s-1");
});
