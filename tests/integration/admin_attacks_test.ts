/** Attacks on the operator's page: forms of other sites, sessions, headers, bodies. */
import assert from "node:assert/strict";
import type { Bytes } from "../../protocol/bytes.ts";
import { ADMIN_LINK_LIFE_MS, adminLink, AdminLinks } from "../../server/admin/admin_links.ts";
import { AdminSessions } from "../../server/admin/page/admin_sessions.ts";
import { ServerLog } from "../support/server_log.ts";
import { connectTo, readAll, requestText, send } from "../support/net/http.ts";
import { OperatorPage } from "../support/net/operator_page.ts";

async function isDisabled(page: OperatorPage): Promise<boolean> {
  const { cookie } = await page.signIn();
  const { body } = await page.send({ path: "/users/Alice", headers: { Cookie: cookie } });
  return body.includes("Enable");
}

Deno.test("attack: a form without the session's token, or of another site, changes nothing", async () => {
  await using page = await OperatorPage.open();
  const { cookie, form } = await page.signIn();
  const path = "/users/Alice/disable";
  const own = `form-token=${form}`;
  for (
    const [what, body, headers] of [
      ["no token", "", {}],
      ["a token of another session", `form-token=${(await page.signIn()).form}`, {}],
      ["another origin", own, { Origin: "https://evil.example.org" }],
      ["another port of this machine", own, { Origin: "http://localhost:1" }],
      ["no origin that it may name", own, { Origin: "null" }],
      ["another site", own, { "Sec-Fetch-Site": "cross-site" }],
      ["no session", own, { Cookie: "xfer-admin=x" }],
      ["JSON", JSON.stringify({ "form-token": form }), { "Content-Type": "application/json" }],
    ] as const
  ) {
    const { status } = await page.post(path, body, { Cookie: cookie, ...headers });
    assert.ok(status === 403 || status === 401, `${what}: ${status}`);
  }
  const get = await page.send({ path: `${path}?${own}`, headers: { Cookie: cookie } });
  assert.equal(get.status, 404);
  assert.ok(!await isDisabled(page));
  assert.equal((await page.post(path, own, { Cookie: cookie })).status, 303);
  assert.ok(await isDisabled(page));
});

Deno.test("attack: a session that the attacker has chosen is not begun (session fixation)", async () => {
  await using page = await OperatorPage.open();
  const chosen = "xfer-admin=chosen-by-the-attacker";
  const { headers } = await page.post("/login", `token=${page.token()}`, { Cookie: chosen });
  const cookie = headers.get("set-cookie") ?? "";
  assert.match(cookie, /^xfer-admin=[\w-]{43}; .*HttpOnly; SameSite=Strict/);
  assert.equal((await page.send({ path: "/", headers: { Cookie: chosen } })).status, 401);
});

Deno.test("attack: tokens are guessed, used twice, or sent to a page by GET", async () => {
  await using page = await OperatorPage.open();
  await using log = await ServerLog.take();
  const token = page.token();
  assert.equal(
    (await page.send({ path: `/login?token=${token}` })).headers.has("set-cookie"),
    false,
  );
  for (const given of ["", "x", token.slice(1), `${token}x`, "%00", "a".repeat(10_000)]) {
    assert.equal((await page.post("/login", `token=${given}`)).status, 403);
  }
  assert.equal((await page.post("/login", `token=${token}`)).status, 303);
  assert.equal((await page.post("/login", `token=${token}`)).status, 403);
  assert.equal(log.of("operator.refused").length, 7);
  assert.ok(!JSON.stringify(log.of("operator.refused")).includes(token));
});

Deno.test("attack: a link is expired, from before the start, of another server or forged", async () => {
  const time = { ms: 1_000_000 };
  const key = new Uint8Array(32).fill(1);
  const links = AdminLinks.ofCluster(key, "a", () => time.ms);
  const tokenOf = (link: string) => new URL(link).searchParams.get("token") ?? "";
  const made = async (changes: { key?: Bytes; name?: string }, now = time.ms) =>
    tokenOf(await adminLink({ key, name: "a", addresses: [], ...changes }, now));
  assert.ok(links.accept(await made({})));
  assert.ok(!links.accept(await made({}, time.ms - 1)), "from before the start");
  assert.ok(!links.accept(await made({}, time.ms + 60_000)), "from the future");
  assert.ok(!links.accept(await made({ name: "b" })), "of another server");
  assert.ok(!links.accept(await made({ key: new Uint8Array(32) })), "with another key");
  const late = await made({});
  const [at = "", nonce = "", proof = ""] = (await made({})).split(".");
  assert.ok(!links.accept(`${(time.ms + 1).toString(36)}.${nonce}.${proof}`), "another time");
  assert.ok(!links.accept(`${at}.${nonce}x.${proof}`), "another nonce");
  assert.ok(!links.accept(`${at}.${nonce}.${proof}.x`), "more");
  time.ms += ADMIN_LINK_LIFE_MS;
  assert.ok(!links.accept(late), "expired");
});

Deno.test("attack: a session has ended, is too old or was not used", () => {
  const time = { ms: 0 };
  const sessions = new AdminSessions({ accept: (token) => token === "good" }, () => time.ms);
  assert.equal(sessions.begin("bad"), undefined);
  const begin = () => sessions.begin("good") ?? assert.fail();
  const { cookie } = begin();
  for (let i = 0; i < 12; i++) {
    time.ms += 59 * 60_000;
    assert.ok(sessions.find(cookie));
  }
  time.ms += 59 * 60_000;
  assert.equal(sessions.find(cookie), undefined, "after 12 hours");
  const { cookie: idle } = begin();
  time.ms += 60 * 60_000;
  assert.equal(sessions.find(idle), undefined, "unused for an hour");
  const { cookie: ended } = begin();
  sessions.end(ended);
  assert.equal(sessions.find(ended), undefined);
});

Deno.test("attack: line breaks and large bodies add no header and no line to the log", async () => {
  await using page = await OperatorPage.open();
  await using log = await ServerLog.take();
  const { cookie, form } = await page.signIn();
  const evil = "a%0d%0aSet-Cookie:%20x=y%0d%0a%0d%0aHTTP/1.1 200 OK".replaceAll(" ", "%20");
  for (
    const path of [`/users/${evil}`, `/login?token=${evil}`, `/events?text=${evil}&kind=${evil}`]
  ) {
    const { headers } = await page.send({ path, headers: { Cookie: cookie } });
    assert.ok(!headers.has("set-cookie"), path);
  }
  const { headers } = await page.post(`/users/${evil}/disable`, `form-token=${form}`, {
    Cookie: cookie,
  });
  assert.ok(!headers.has("set-cookie"));
  const label = await page.post("/invitations", `form-token=${form}&uses=1&days=1&label=${evil}`, {
    Cookie: cookie,
  });
  assert.equal(label.status, 409);
  const large = `form-token=${form}&label=${"a".repeat(1_000_000)}`;
  assert.equal((await page.post("/invitations", large, { Cookie: cookie })).status, 413);
  for (const line of log.of("operator.acted", "operator.refused")) {
    assert.ok(!/[\r\n]/.test(JSON.stringify(Object.values(line)).replaceAll("\\\\", "")));
  }
});

Deno.test("attack: forms and paths in any encoding are answered, and are no failure of the server", async () => {
  await using page = await OperatorPage.open();
  await using log = await ServerLog.take();
  const multipart = { "Content-Type": "multipart/form-data; boundary=x" };
  for (
    const body of ["none", "--x", "--x\r\n\r\n", "--x\r\nContent-Disposition: form-data\r\n\r\n"]
  ) {
    assert.equal((await page.post("/login", body, multipart)).status, 403, body);
  }
  for (const path of ["/login?token=%zz", "/events?text=%E0%A4", "/users/%E0%A4%A/disable", "/%"]) {
    const { status } = await page.send({ path });
    assert.ok(status < 500, `${path}: ${status}`);
  }
  assert.deepEqual(log.of("server.admin-failed"), []);
});

Deno.test("attack: the live part of the page ends with its session", async () => {
  await using page = await OperatorPage.open();
  const { cookie, form } = await page.signIn();
  using live = await connectTo(page.address);
  await send(live, requestText({ path: "/live", headers: { Cookie: cookie } }));
  // The answer has begun.
  await live.read(new Uint8Array(1));
  const { status } = await page.post("/logout", `form-token=${form}`, { Cookie: cookie });
  assert.equal(status, 303);
  assert.match(await readAll(live), /event: ended/);
});

Deno.test("attack: requests for the head of the live part take none of its places", async () => {
  await using page = await OperatorPage.open();
  const { cookie } = await page.signIn();
  const request = { path: "/live", headers: { Cookie: cookie } };
  for (let i = 0; i < 9; i++) {
    assert.equal((await page.send({ method: "HEAD", ...request })).status, 200);
  }
  using live = await connectTo(page.address);
  await send(live, requestText(request));
  const head = new Uint8Array(12);
  await live.read(head);
  assert.equal(new TextDecoder().decode(head), "HTTP/1.1 200");
});

Deno.test("admin: a sign-in at another port of the host, as of another server, does not replace this one", async () => {
  await using page = await OperatorPage.open();
  const [first, second] = [{ Host: "localhost:1" }, { Host: "localhost:2" }];
  const [one, other] = [await page.signIn(first), await page.signIn(second)];
  assert.deepEqual([one, other].map(({ cookie }) => cookie.split("=")[0]), [
    ...["xfer-admin-1", "xfer-admin-2"],
  ]);
  const both = `${one.cookie}; ${other.cookie}`;
  for (const headers of [first, second]) {
    const answer = await page.send({ path: "/users", headers: { ...headers, Cookie: both } });
    assert.equal(answer.status, 200);
  }
});

Deno.test("attack: answers forbid scripts of others, frames and caches", async () => {
  await using page = await OperatorPage.open();
  const { cookie } = await page.signIn();
  for (const path of ["/", "/login", "/users/Alice", "/healthz", "/none"]) {
    const { headers } = await page.send({ path, headers: { Cookie: cookie } });
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/, path);
    assert.match(policy, /form-action 'self'; base-uri 'none'; frame-ancestors 'none'/, path);
    assert.ok(!policy.includes("unsafe"), path);
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "same-origin");
    assert.equal(headers.get("cache-control"), "no-store");
  }
});
