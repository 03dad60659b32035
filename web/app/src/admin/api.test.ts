import { expect, test } from "vitest";
import { Api, Refusal } from "./api.js";

/** A fetch that answers with this, and keeps what it was asked. */
function answering(status: number, body: unknown) {
  const asked: { url: string; init: RequestInit }[] = [];
  const ask = async (url: string | URL | Request, init: RequestInit = {}) => {
    asked.push({ url: String(url), init });
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
  };
  return { asked, ask: ask as typeof fetch };
}

test("a list is asked for with its filters, and the token in the header alone", async () => {
  const { asked, ask } = answering(200, { edges: [{ id: "e-1" }], next: "e-1" });
  const page = await new Api("secret", ask).edges({ text: "den & co", state: "", edge: ["a", "b"] });
  expect(page).toEqual({ list: [{ id: "e-1" }], next: "e-1", silent: [] });
  expect(asked[0]?.url).toBe("/admin/v1/edges?text=den+%26+co&edge=a&edge=b");
  expect(asked[0]?.init.headers).toEqual({ Authorization: "Bearer secret" });
  expect(asked[0]?.init.credentials).toBe("omit");
});

test("an act carries its reason", async () => {
  const { asked, ask } = answering(200, { kept: true });
  expect(await new Api("t", ask).act("edges/e-1/drain", { reason: "why" })).toEqual({ kept: true });
  expect(asked[0]?.init).toMatchObject({ method: "POST", body: '{"reason":"why"}' });
});

test("an id cannot leave its place in a path", async () => {
  const { asked, ask } = answering(200, {});
  await new Api("t", ask).explainSession("../cluster?x", []);
  expect(asked[0]?.url).toBe("/admin/v1/sessions/..%2Fcluster%3Fx/explain");
});

test.each([
  [401, { title: "No.", detail: "Ask." }, "No.", "Ask."],
  [500, "<html>", "Signaling answered 500.", ""],
  [200, "not JSON", "Signaling answered 200.", ""],
])("a refusal of %i becomes an error with words", async (status, body, message, hint) => {
  const error = await new Api("t", answering(status, body).ask).cluster().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Refusal);
  expect(error).toMatchObject({ status, message, hint });
});

test("a server that does not answer is said to", async () => {
  const ask = (async () => {
    throw new TypeError("network");
  }) as typeof fetch;
  await expect(new Api("t", ask).cluster()).rejects.toMatchObject({ status: 0, message: "Signaling does not answer." });
});

test("the audit log is asked for from its end", async () => {
  const { asked, ask } = answering(200, { acts: [{ id: "a-1" }], next: "7.a-1" });
  const page = await new Api("t", ask).acts({ edge: "e-1", session: "" });
  expect(page).toEqual({ list: [{ id: "a-1" }], next: "7.a-1", silent: [] });
  expect(asked[0]?.url).toBe("/admin/v1/acts?edge=e-1&order=newest");
});

test("that a node keeps no checks and no log is an answer; other refusals are refusals", async () => {
  const { ask } = answering(404, { title: "This node keeps no checks.", detail: "Ask another." });
  expect(await new Api("t", ask).checks({})).toEqual({ absent: "This node keeps no checks. Ask another." });
  expect(await new Api("t", ask).acts({})).toEqual({ absent: "This node keeps no checks. Ask another." });
  await expect(new Api("t", answering(500, {}).ask).checks({})).rejects.toBeInstanceOf(Refusal);
});
