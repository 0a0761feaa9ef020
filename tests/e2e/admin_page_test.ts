/** The operator's page in a real browser: what it shows, what it does, and that anyone can use it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import {
  faultsOf,
  isTooWide,
  launchBrowser,
  lookAt,
  LOOKS,
  openPage,
} from "../support/net/browser.ts";
import { ServerLog } from "../support/server_log.ts";
import { tamper } from "../support/store/database.ts";
import { Fixture, LOOPBACK, put } from "../support/v4/fixture.ts";
import { Uploader } from "../support/v4/raw_client.ts";

/** A name that would run a script, if it were not escaped. */
const EVIL = "<img src=x onerror=alert(1)>'\"&.txt";
const VIEWS = ["/", "/users", "/users/Alice", "/events", "/storage?largest=1", "/settings"];
const shots = Deno.env.get("XFER_SCREENSHOTS");
const content = pseudoRandomBytes(3 * CHUNK_SIZE);

/** Resolves when the server has come so far. */
async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test({
  name: "page: every view is readable, escaped and accessible, and its actions change the server",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
  // The browser ends after its connection has.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(t) {
    await using fixture = await Fixture.create({ historyMs: 3_600_000 }, {
      admin: {
        listen: [LOOPBACK],
        settings: () => [{ name: "quota", value: "10GB", origin: "server.toml:3" }],
      },
      name: "files-1",
    });
    await using log = await ServerLog.take();
    const { server } = fixture;
    using client = await fixture.client("Alice");
    const file = await fixture.source("a", pseudoRandomBytes(5000));
    const names = [EVIL, "photos/sea.jpg", "removed.txt"];
    await put(client, names.map((name) => ({ file, name })));
    await client.remove("removed.txt");
    // As the check marks it.
    tamper(
      join(fixture.data, "catalog.db"),
      "UPDATE files SET damage = 'content' WHERE name = ?",
      EVIL,
    );
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content, { name: `videos/${EVIL}` });
    await alice.send(tag, content, 0);
    await until(() =>
      [...server.monitor.connections.values()]
        .some(({ transfers }) => [...transfers].some(({ progress }) => progress === CHUNK_SIZE))
    );

    await using browser = await launchBrowser();
    const { page, problems } = await openPage(browser);
    const link = server.createAdminLink() ?? assert.fail("no page");
    const base = new URL("/", link).href.slice(0, -1);
    const text = () => page.evaluate("document.body.innerText") as Promise<string>;
    const submit = async (selector: string) => {
      // Found and clicked at once, because the live part can be replaced in between.
      const click = page.$eval(selector, (button) => (button as { click(): void }).click());
      await Promise.all([page.waitForNavigation(), click]);
    };

    await t.step("sign-in: without a session nothing is shown; a link works once", async () => {
      await page.goto(`${base}/users`);
      assert.match(await text(), /xfer server admin-link/);
      assert.ok(!(await text()).includes("Alice"));
      await page.goto(link);
      await submit("button");
      assert.match(await text(), /files-1/);
      const other = await openPage(browser);
      await other.page.goto(link);
      await Promise.all([other.page.waitForNavigation(), other.page.click("button")]);
      assert.match(await other.page.evaluate("document.body.innerText") as string, /used already/);
      await other.page.close();
      // The browser reports the answers 401 and 403.
      problems.length = 0;
    });

    await t.step(
      "views: names of files are text, nothing is too wide, and axe finds no fault",
      async () => {
        for (const [lookName, look] of Object.entries(LOOKS)) {
          await lookAt(page, look);
          for (const view of VIEWS) {
            await page.goto(base + view);
            // All rules take a second. In the dark, only colors differ.
            const rules = lookName === "light" ? undefined : ["color-contrast"];
            if (lookName !== "phone") {
              assert.deepEqual(await faultsOf(page, rules), [], `${view} ${lookName}`);
            }
            assert.ok(!await isTooWide(page), `${view} is too wide: ${lookName}`);
            if (shots !== undefined) {
              const name = view.replaceAll(/\W+/g, "-");
              await page.screenshot({ path: `${shots}/${lookName}${name}.png`, fullPage: true });
            }
          }
        }
        await page.goto(`${base}/storage?largest=1`);
        assert.ok((await text()).includes(EVIL));
        assert.match(
          await text(),
          /1 damaged file[^]*xfer server verify --repair[^]*changed content/,
        );
        assert.deepEqual(problems, []);
      },
    );

    await t.step(
      "overview: the upload in progress is there, and the page stays up to date",
      async () => {
        await page.goto(base);
        assert.match(await text(), /1\.0 MiB of 3\.0 MiB/);
        assert.match(await text(), /1 damaged file/);
        await alice.send(tag, content, 1);
        await page.waitForFunction('document.body.innerText.includes("2.0 MiB of 3.0 MiB")');
      },
    );

    await t.step("overview: focus, selection and rows stay when the page changes", async () => {
      await page.evaluate(`{
        document.querySelector("#connections ~ .scroll th a").focus();
        getSelection().selectAllChildren(document.querySelector("#recent ~ .scroll td:last-child"));
      }`);
      const first = await page.$eval("tr[id^=event-]", ({ id }) => id);
      await put(client, [{ file, name: "while the page is open.txt" }]);
      await page.waitForFunction('document.body.innerText.includes("while the page is open.txt")');
      assert.equal(await page.evaluate("document.activeElement.textContent"), "Alice");
      assert.notEqual(await page.evaluate("getSelection().toString()"), "");
      assert.ok(await page.$(`tr + #${first}`) !== null, "a new row is above");
    });

    await t.step("without JavaScript the pages can be read", async () => {
      await page.setJavaScriptEnabled(false);
      await page.goto(`${base}/events?kind=stored`);
      await page.setJavaScriptEnabled(true);
      const content = await page.content();
      assert.match(content, /Stored photos\/sea\.jpg for Alice/);
      assert.ok(!content.includes("Removed removed.txt"), "the filter");
    });

    await t.step("actions: invite, quota, restore, end a connection, disable", async () => {
      await page.goto(`${base}/users`);
      await page.type("#label", "Bob, <b>lab</b> 3");
      await submit("form[action='/invitations'] button");
      assert.match(await text(), /client init --invitation [0-9A-Za-z-]{20,}/);
      assert.ok(await page.$(".qr svg") !== null, "a QR code");
      await page.goto(`${base}/users/Alice`);
      await page.type("#size", "1.5");
      await submit("form[action$='/quota'] button");
      assert.match(await text(), /Size: expected one such as 10GB/);
      await submit("a");
      await page.type("#size", "1536MiB");
      await submit("form[action$='/quota'] button");
      assert.equal(
        await page.$eval("#size", (input) => (input as { value?: string }).value),
        "1536MiB",
      );
      // The answer 409 to the mistake.
      problems.length = 0;
      await submit("form[action$='/restore'] button");
      assert.match(await text(), /None that can be restored/);
      await page.goto(base);
      await submit("button[id^='end-']");
      await page.goto(`${base}/users/Alice`);
      await submit("form[action$='/disable'] button");
      assert.match(await text(), /disabled/);
      assert.deepEqual(
        log.of("operator.acted").map(({ action, user }) => `${action} ${user ?? ""}`),
        [
          ...["signed-in ", "invitation-created ", "quota-set Alice", "file-restored Alice"],
          ...["connection-ended Alice", "user-disabled Alice"],
        ],
      );
      assert.deepEqual(problems, []);
    });

    await t.step("sign-out: the session is over, also for its cookie", async () => {
      const cookies = await browser.cookies();
      await submit("form[action='/logout'] button");
      await browser.setCookie(...cookies);
      await page.goto(`${base}/users`);
      assert.match(await text(), /xfer server admin-link/);
      const [cookie] = cookies;
      assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, "Strict"]);
    });

    await t.step("overview: it says when the server sends nothing", async () => {
      await page.goto(server.createAdminLink() ?? "");
      await submit("button");
      await page.waitForFunction('document.querySelector("#lost").hidden');
      await server.close();
      await page.waitForFunction('!document.querySelector("#lost").hidden');
      assert.match(await text(), /has sent nothing since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\./);
    });
  },
});
