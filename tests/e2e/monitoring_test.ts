/** A server process that systemd, a health check and a collector of traces watch, with the executable's permissions. */
import assert from "node:assert/strict";
import { ask } from "../support/net/http.ts";
import { NotifySocket } from "../support/net/notify_socket.ts";
import { RawClient } from "../support/v3/raw_client.ts";
import { ServerProcess, xfer } from "../support/processes.ts";
import { xfer as hosted } from "../support/hosted_xfer.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string };
  }[];
}

/** Takes traces as JSON (OTLP). */
function collect() {
  const spans: Span[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => undefined },
    async (request) => {
      const { resourceSpans = [] } = await request.json();
      for (const { scopeSpans } of resourceSpans) {
        for (const { scope, spans: some } of scopeSpans) {
          if (scope.name === "xfer") spans.push(...some);
        }
      }
      return Response.json({});
    },
  );
  return {
    spans,
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const attribute = ({ attributes }: Span, key: string) =>
  attributes.find((one) => one.key === key)?.value.stringValue;

Deno.test({
  name:
    "monitoring: a server tells systemd that it is ready, works and stops, answers 'server health', opens its page, and exports spans",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    using systemd = new NotifySocket(folder.join("notify"));
    await using collector = collect();
    const admin = folder.join("admin.sock");
    await using server = await ServerProcess.start(folder.join("data"), {
      args: ["--listen", "127.0.0.1:0", "--admin-listen", `unix:${admin}`],
      env: {
        ...{ NOTIFY_SOCKET: folder.join("notify"), WATCHDOG_USEC: "200000" },
        ...{ OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
        ...{ OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", OTEL_BSP_SCHEDULE_DELAY: "100" },
      },
    });
    assert.equal(await systemd.next(), "READY=1");
    assert.equal(await systemd.next(), "WATCHDOG=1");
    const health = await xfer(["server", "health"], undefined, {
      XFER_ADMIN_LISTEN: `unix:${admin}`,
    });
    assert.deepEqual([health.code, health.stderr], [0, ""]);
    assert.match(health.stdout, /^catalog: ok \(\d+ ms\)\nstore: ok/);
    const { stdout } = await xfer(["server", "admin-link", "--data", folder.join("data")]);
    const token = new URL(stdout.trim()).searchParams.get("token");
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const login = { method: "POST", path: "/login", headers, body: `token=${token}` };
    assert.equal((await ask({ path: admin }, login)).status, 303);
    assert.equal((await ask({ path: admin }, login)).status, 403, "the link is used");
    {
      using peer = await RawClient.connect({ hostname: "127.0.0.1", port: server.port });
      await peer.enrol("Alice");
      await peer.sendFile("a.txt", new Uint8Array(1000));
      await peer.judge("crcValid", "a.txt");
    }
    const stopped = server.stop("SIGTERM");
    for (let message = ""; message !== "STOPPING=1";) message = await systemd.next();
    assert.equal((await stopped).code, 0);
    const left = await xfer(["server", "admin-link", "--data", folder.join("data")]);
    assert.deepEqual([left.code, /no-admin-page/.test(left.stderr)], [3, true], left.stderr);
    // `deno compile` decides whether an executable exports traces.
    if (Deno.env.get("XFER_BIN")) return;
    const [upload, connection] = ["upload", "connection"].map((name) =>
      collector.spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`)
    ) as [Span, Span];
    assert.equal(attribute(upload, "file.path"), "a.txt");
    assert.equal(attribute(upload, "user.name"), "Alice");
    assert.equal(upload.traceId, connection.traceId);
  },
});

Deno.test("health: without a server, or without its address, the command says so", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const ask = async (listen: string) => {
    const settings = new TextEncoder().encode(`admin-listen = ${JSON.stringify(listen)}\n`);
    const file = await folder.write("server.toml", settings);
    return await hosted(["server", "health", "--config", file], folder.path);
  };
  const gone = await ask(`unix:${folder.join("none")}`);
  assert.deepEqual([gone.code, /cannot-connect/.test(gone.stderr)], [4, true], gone.stderr);
  const unset = await ask("");
  assert.deepEqual([unset.code, /no-admin-port/.test(unset.stderr)], [3, true], unset.stderr);
  const remote = await ask("0.0.0.0:9256");
  assert.deepEqual([remote.code, /no-admin-port/.test(remote.stderr)], [3, true], remote.stderr);
});
