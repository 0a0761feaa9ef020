/** The operator's page, asked without a browser. */
import assert from "node:assert/strict";
import { UnavailableError } from "../../protocol/errors.ts";
import { listUserKeys } from "../../server/operator/users.ts";
import { OperatorPage } from "../support/net/operator_page.ts";
import { ServerLog } from "../support/server_log.ts";
import { openInThisThread } from "../support/store/catalogs.ts";
import { interceptedCatalog } from "../support/store/intercepted_catalog.ts";

Deno.test("admin page: a key is removed and its connections end, but not the last key", async () => {
  await using log = await ServerLog.take();
  await using page = await OperatorPage.open();
  const { fixture } = page;
  using alice = await fixture.client("Alice");
  const { token } = await alice.link();
  const identityFolder = fixture.folder.join("laptop");
  await Deno.mkdir(identityFolder, { mode: 0o700 });
  using laptop = await fixture.client("Alice", { identityFolder, token });
  const keys = await listUserKeys(fixture.data, "Alice");
  const [, second] = keys.map(({ fingerprint }) => fingerprint);
  const { cookie, form } = await page.signIn();
  const headers = { Cookie: cookie };
  const remove = (fingerprint = "") => {
    const fields = new URLSearchParams({ "form-token": form, fingerprint });
    return page.post("/users/Alice/keys/remove", `${fields}`, headers);
  };

  assert.match((await remove("SHA256:none")).body, /has no such key/);
  assert.equal((await remove(second)).status, 303);
  await log.awaits("client.dismissed");
  await assert.rejects(laptop.stat("a"), { code: /^(?:not-authenticated|connection-lost)$/ });
  await assert.rejects(alice.stat("a"), { code: "no-such-file" });
  const { body } = await page.send({ path: "/users/Alice", headers });
  assert.ok(!body.includes(second ?? ""));
  assert.match((await remove(keys[0]?.fingerprint)).body, /the last key/);
  assert.deepEqual(
    log.of("operator.acted").slice(1).map(({ action, user, subject }) => [action, user, subject]),
    [["key-removed", "Alice", second]],
  );
});

Deno.test("admin page: a failed action has a page that leads back, and a line in the log", async () => {
  const failures: Error[] = [
    new UnavailableError("unavailable", "another process has locked the catalog"),
    new Error("secret detail"),
  ];
  await using log = await ServerLog.take();
  await using page = await OperatorPage.open({
    openCatalog: async (path) =>
      interceptedCatalog(await openInThisThread(path), async (method, _, next) => {
        const failure = method === "accounts.update" ? failures.shift() : undefined;
        if (failure !== undefined) throw failure;
        return await next();
      }),
  });
  const { cookie, form } = await page.signIn();
  const answers = [];
  for (let i = 0; i < 2; i++) {
    answers.push(
      await page.post("/users/Alice/disable", `form-token=${form}`, { Cookie: cookie }),
    );
  }
  assert.deepEqual(answers.map(({ status }) => status), [503, 500]);
  assert.match(
    answers[0]?.body ?? "",
    /another process has locked the catalog[^]*href="\/users\/Alice"/,
  );
  assert.ok(!answers[1]?.body.includes("secret"));
  assert.equal(log.of("server.admin-failed").length, 2);
  assert.deepEqual(log.of("operator.acted").map(({ action }) => action), ["signed-in"]);
});

Deno.test("admin page: what cannot be shown leads back to another page", async () => {
  let isLocked = false;
  await using page = await OperatorPage.open({
    openCatalog: async (path) =>
      interceptedCatalog(await openInThisThread(path), async (method, _, next) => {
        if (!isLocked || method !== "accounts.list") return await next();
        throw new UnavailableError("unavailable", "another process has locked the catalog");
      }),
  });
  const { cookie, form } = await page.signIn();
  const headers = { Cookie: cookie };
  const backOf = async (sent: Promise<{ readonly body: string }>) =>
    /href="([^"]*)">Back</.exec((await sent).body)?.[1];
  assert.equal(await backOf(page.send({ path: "/users/nobody", headers })), "/users");
  const action = page.post("/users/nobody/disable", `form-token=${form}`, headers);
  assert.equal(await backOf(action), "/users/nobody");
  isLocked = true;
  assert.equal(await backOf(page.send({ path: "/users", headers })), "/");
});
