/** The operator's HTTP port of a running server: health and metrics. */
import assert from "node:assert/strict";
import { OPENERS } from "../../server/stores/open_stores.ts";
import { ObjectBlobStore } from "../support/store/object_blob_store.ts";
import { METRICS } from "../../server/admin/metric_table.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { ServerOptions } from "../../server/lifecycle/server_options.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { ask, askOn, type HttpRequest, requestText } from "../support/net/http.ts";
import { Authority } from "../support/tls/certificate_authority.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTool, runTool } from "../support/tools.ts";
import { Fixture, LOOPBACK, put } from "../support/v4/fixture.ts";
import { Uploader } from "../support/v4/raw_client.ts";

async function start(
  options: Partial<ServerOptions> = {},
  admin: Partial<ServerOptions["admin"]> = {},
) {
  const { limits, ...others } = options;
  const fixture = await Fixture.create(limits, {
    ...{ admin: { listen: [LOOPBACK], ...admin }, name: "a" },
    ...others,
  });
  const address = () => fixture.server.adminAddresses[0] ?? assert.fail("no admin port");
  return {
    fixture,
    ask: (request: HttpRequest) => ask(address(), request),
    get: (path: string) => ask(address(), { path }),
    address,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

/** The value of a metric with labels, such as `xfer_connections{protocol="4",server="a"}`. */
function valueOf(page: string, metric: string): number | undefined {
  const line = page.split("\n").find((line) => line.startsWith(`${metric} `));
  return line === undefined ? undefined : Number(line.slice(metric.length + 1));
}

Deno.test("admin: health and readiness answer to GET and HEAD", async () => {
  await using server = await start();
  const health = await server.get("/healthz");
  assert.deepEqual([health.status, health.body], [200, "ok\n"]);
  const { status, body } = await server.get("/readyz");
  const { ready, checks } = JSON.parse(body);
  assert.deepEqual([status, ready], [200, true]);
  assert.deepEqual(Object.keys(checks), ["catalog", "store", "space", "cluster", "running"]);
  for (const path of ["/healthz", "/readyz"]) {
    const { status, body } = await server.ask({ method: "HEAD", path });
    assert.deepEqual([status, body], [200, ""], path);
  }
  // The check of the store leaves nothing behind.
  assert.deepEqual(server.fixture.blobs("staging"), []);
});

Deno.test("admin: a full disk makes the server unready, but it is alive", async () => {
  await using server = await start({ freeSpace: () => Promise.resolve(1) });
  const { status, body } = await server.get("/readyz");
  assert.equal(status, 503);
  assert.equal(JSON.parse(body).checks.space.reason, "less space is free than --min-free");
  assert.equal((await server.get("/healthz")).status, 200);
});

Deno.test("admin: a full disk of the catalog makes a server with an object store unready", async () => {
  const openers = {
    ...OPENERS,
    blobs: () => Promise.resolve(new ObjectBlobStore({ partSize: CHUNK_SIZE })),
  };
  const stores = { blobs: "https://s3.example.org/bucket", openers };
  await using server = await start({ ...stores, freeSpace: () => Promise.resolve(1) });
  const { status, body } = await server.get("/readyz");
  assert.deepEqual([status, JSON.parse(body).checks.space.ok], [503, false]);
});

Deno.test("admin: a server that waits for a transfer before it stops is alive, but not ready", async () => {
  await using server = await start();
  (await server.fixture.client("Alice"))[Symbol.dispose]();
  using alice = await Uploader.login(server.fixture, "Alice");
  const content = pseudoRandomBytes(2 * CHUNK_SIZE);
  const { tag } = await alice.resume(content);
  await alice.send(tag, content, 0);
  const address = server.address();
  const closing = server.fixture.server.close(60_000);
  const { status, body } = await ask(address, { path: "/readyz" });
  assert.deepEqual([status, JSON.parse(body).checks.running.ok], [503, false]);
  assert.equal((await ask(address, { path: "/healthz" })).status, 200);
  await alice.send(tag, content, 1);
  await alice.end(tag, content);
  await closing;
  await assert.rejects(ask(address));
});

Deno.test("admin: metrics count transfers, sign-ins, refusals and limits", async () => {
  await using server = await start({ limits: { maxFileSize: 100 } });
  using client = await server.fixture.client("Alice");
  const small = await server.fixture.source("small.bin", pseudoRandomBytes(10));
  const large = await server.fixture.source("large.bin", pseudoRandomBytes(1000));
  await put(client, [{ file: small, name: "small.bin" }, { file: large, name: "large.bin" }]);
  await assert.rejects(client.get({ name: "none" }, () => Promise.resolve()));
  await assert.rejects(server.fixture.client("not a name"));
  const { body, headers } = await server.get("/metrics");
  assert.match(headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const expected = {
    'xfer_transfers_completed_total{protocol="4",direction="upload",server="a"}': 1,
    'xfer_transfers_failed_total{protocol="4",direction="upload",code="over-limit",server="a"}': 1,
    'xfer_transfers_failed_total{protocol="4",direction="download",code="no-such-file",server="a"}':
      1,
    'xfer_sign_ins_total{how="registered",server="a"}': 1,
    'xfer_refusals_total{what="sign-in",code="bad-user-name",server="a"}': 1,
    'xfer_limits_reached_total{limit="max-file-size",server="a"}': 1,
    'xfer_connections{protocol="4",server="a"}': 1,
    'xfer_transfer_duration_seconds_count{protocol="3",direction="upload",server="a"}': 0,
    'xfer_stored_files{server="a"}': 1,
    'xfer_check_ok{check="catalog",server="a"}': 1,
  };
  for (const [metric, value] of Object.entries(expected)) {
    assert.equal(valueOf(body, metric), value, metric);
  }
  for (const { name } of METRICS) assert.match(body, new RegExp(`^# TYPE ${name} `, "m"));
  // No label has a user's text.
  assert.ok(!/Alice|small\.bin|large\.bin/.test(body));
});

Deno.test("admin: OpenMetrics for those who ask for it, with the same names", async () => {
  await using server = await start();
  const names = (page: string) =>
    new Set(page.split("\n").flatMap((line) => /^xfer_\w+/.exec(line)?.[0] ?? []));
  const { body, headers } = await server.ask({
    path: "/metrics",
    headers: { Accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" },
  });
  assert.match(
    headers.get("content-type") ?? "",
    /^application\/openmetrics-text; version=1\.0\.0/,
  );
  assert.match(body, /\n# EOF\n$/);
  const described = body.match(/^# TYPE \S+/gm) ?? [];
  assert.equal(new Set(described).size, described.length, "two metrics of one name");
  assert.deepEqual(names(body), names((await server.get("/metrics")).body));
});

Deno.test({
  name: "admin: promtool accepts the metrics",
  ignore: !hasTool("promtool"),
}, async () => {
  await using server = await start();
  const { body } = await server.get("/metrics");
  const page = await server.fixture.folder.write("page", new TextEncoder().encode(body));
  const script = 'promtool check metrics < "$1"';
  const { code, stdout, stderr } = await runTool("sh", ["-c", script, "sh", page]);
  assert.equal(code, 0, stdout + stderr);
});

Deno.test({
  name: "admin: the unix socket of a running server is not taken over, one of a killed server is",
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("admin.sock");
  // Closing a listener leaves its socket, as a kill does.
  Deno.listen({ transport: "unix", path }).close();
  await using first = await start({}, { listen: [{ path }] });
  await assert.rejects(start({}, { listen: [{ path }] }), { code: "cannot-listen" });
  assert.equal((await first.get("/healthz")).status, 200);
});

Deno.test("attack: the admin port on this machine answers no request that names another host", async () => {
  await using server = await start();
  for (const host of ["evil.example.org", "127.0.0.1.example.org", "[2001:db8::1]", ""]) {
    const { status, body } = await server.ask({ path: "/metrics", headers: { Host: host } });
    assert.ok(status === 421 || status === 400, `${host}: ${status}`);
    assert.ok(!body.includes("xfer_"));
  }
  for (const host of ["localhost:9256", "127.0.0.1", "[::1]:1"]) {
    assert.equal((await server.ask({ path: "/healthz", headers: { Host: host } })).status, 200);
  }
});

Deno.test("attack: paths that leave the admin port's pages, or other methods, are not found", async () => {
  await using server = await start();
  const paths = ["/..%2f..%2fetc/passwd", "/../data/tls.pem", "/metrics/../../x", "//etc/passwd"];
  for (const path of paths) {
    const { status, body } = await server.get(path);
    assert.ok(status === 404 || status === 401, `${path}: ${status}`);
    assert.ok(!/root:|PRIVATE/.test(body));
  }
  for (const method of ["POST", "PUT", "DELETE", "TRACE"]) {
    const { status, body } = await server.ask({ method, path: "/metrics", body: "a=b" });
    assert.ok(status === 404 || status === 401, `${method}: ${status}`);
    assert.ok(!body.includes("xfer_connections"));
  }
});

Deno.test("admin: other machines need TLS, and the token for metrics and reasons", async () => {
  const token = "t".repeat(32);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/token`, `${token}\n`);
    await using server = await start({}, {
      ...{ listen: [{ hostname: "0.0.0.0", port: 0 }], tokenFile: `${folder}/token` },
    });
    const { port } = server.address() as Deno.NetAddr;
    const plain = { hostname: "127.0.0.1", port };
    assert.ok(Number.isNaN((await ask(plain, { path: "/healthz" })).status), "without TLS");
    const pem = await Deno.readTextFile(`${server.fixture.data}/tls.pem`);
    const [certificate = ""] =
      /-----BEGIN CERTIFICATE-----[\s\S]*?END CERTIFICATE-----/.exec(pem) ??
        [];
    const hostname = /[a-z2-7]{52}\.xfer\.invalid/.exec(atobAll(certificate))?.[0] ?? "";
    const secured = async (request: HttpRequest) => {
      const connection = await Deno.connect(plain);
      using tls = await Deno.startTls(connection, { hostname, caCerts: [certificate] });
      return await askOn(tls, requestText(request));
    };
    const with_ = (given: string) => ({ headers: { Authorization: `Bearer ${given}` } });
    assert.equal((await secured({ path: "/healthz" })).status, 200);
    assert.deepEqual(JSON.parse((await secured({ path: "/readyz" })).body), { ready: true });
    assert.equal((await secured({ path: "/metrics" })).status, 401);
    assert.equal((await secured({ path: "/metrics", ...with_("wrong") })).status, 401);
    assert.equal((await secured({ path: "/metrics", ...with_(token) })).status, 200);
    assert.ok(JSON.parse((await secured({ path: "/readyz", ...with_(token) })).body).checks);
    const next = "n".repeat(32);
    await Deno.writeTextFile(`${folder}/token`, next);
    await server.fixture.server.reload();
    assert.equal((await secured({ path: "/metrics", ...with_(token) })).status, 401);
    await Deno.writeTextFile(`${folder}/token`, "short");
    await assert.rejects(server.fixture.server.reload(), { code: "bad-admin-token" });
    assert.equal((await secured({ path: "/metrics", ...with_(next) })).status, 200);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("admin: a new certificate is shown without a restart; one that cannot be used changes nothing", async () => {
  const [first, second] = [await Authority.create(), await Authority.create()];
  const issued = (authority: Authority) => authority.issue({ names: ["localhost", "127.0.0.1"] });
  const admin = { listen: [{ hostname: "0.0.0.0", port: 0 }] };
  await using fixture = await Fixture.named(await issued(first), { admin });
  const [address] = fixture.server.adminAddresses;
  const { port } = address as Deno.NetAddr;
  const isShownBy = async ({ certificate }: Authority) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const names = { hostname: "localhost", caCerts: [certificate] };
    using tls = await Deno.startTls(connection, names);
    return await askOn(tls, requestText({ path: "/healthz" })).then(
      ({ status }) => status === 200,
      () => false,
    );
  };
  assert.ok(await isShownBy(first));
  await fixture.show(await issued(second));
  await fixture.server.reload();
  assert.ok(await isShownBy(second));
  assert.ok(!await isShownBy(first));
  await fixture.show({ ...await issued(first), key: "" });
  await assert.rejects(fixture.server.reload());
  assert.ok(await isShownBy(second));
  await fixture.server.reload().catch(() => undefined);
  assert.ok(await isShownBy(second));
});

Deno.test("admin: a server that stops while its certificate is replaced, twice, closes its port", async () => {
  const authority = await Authority.create();
  const issued = () => authority.issue({ names: ["localhost"] });
  const admin = { listen: [{ hostname: "0.0.0.0", port: 0 }] };
  await using fixture = await Fixture.named(await issued(), { admin });
  const { port } = fixture.server.adminAddresses[0] as Deno.NetAddr;
  await fixture.show(await issued());
  const { server } = fixture;
  await Promise.all([server.reload(), server.reload(), server.close()]);
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }));
});

/** The bytes of a PEM certificate as text, in which names can be searched. */
function atobAll(pem: string): string {
  return atob(pem.replace(/-----[^-]+-----|\s/g, ""));
}

Deno.test("admin: the metrics have what waits: calls of the catalog, and reserved space", async () => {
  await using server = await start();
  const value = async (metric: string) =>
    valueOf((await server.get("/metrics")).body, `${metric}{server="a"}`);
  assert.equal(await value("xfer_catalog_waiting"), 0);
  assert.equal(await value("xfer_reserved_bytes"), 0);
  (await server.fixture.client("Alice"))[Symbol.dispose]();
  using alice = await Uploader.login(server.fixture, "Alice");
  const content = pseudoRandomBytes(3 * CHUNK_SIZE);
  await alice.resume(content, { name: "a" });
  assert.equal(await value("xfer_reserved_bytes"), content.length);
});
