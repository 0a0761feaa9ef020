/**
 * HAProxy and nginx before a server, with the configuration of docs/operations.md. Each is ignored where it is not
 * installed.
 */
import assert from "node:assert/strict";
import { freePort, untilListening } from "../../scripts/cluster/ports.ts";
import { parseNetwork } from "../../server/listen/networks.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { fencesIn } from "../support/markdown.ts";
import { ServerLog } from "../support/server_log.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";

const PAGE = new URL("../../docs/operations.md", import.meta.url);
/** The most time for a start, in milliseconds. */
const START_MS = 10_000;

interface Software {
  readonly name: string;
  readonly executable: string;
  readonly args: (configuration: string, folder: string) => readonly string[];
  /** The file around the block of the page. */
  readonly whole: (block: string, folder: string) => string;
}

/** The module of Debian's package, or another one. */
const STREAM = Deno.env.get("XFER_TEST_NGINX_STREAM") ??
  "/usr/lib/nginx/modules/ngx_stream_module.so";

const SOFTWARE: readonly (Software & { readonly needs: readonly string[] })[] = [
  {
    name: "haproxy",
    executable: "/usr/sbin/haproxy",
    needs: ["/usr/sbin/haproxy"],
    args: (configuration) => ["-db", "-f", configuration],
    whole: (block) => block,
  },
  {
    name: "nginx",
    executable: "/usr/sbin/nginx",
    needs: ["/usr/sbin/nginx", STREAM],
    args: (configuration, folder) => ["-p", folder, "-c", configuration],
    whole: (block, folder) =>
      `load_module ${STREAM};\ndaemon off;\nmaster_process off;\npid ${folder}/nginx.pid;\n` +
      `error_log stderr;\nevents {}\n${block}`,
  },
];

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

for (const { name, executable, needs, args, whole } of SOFTWARE) {
  Deno.test({
    name: `${name}: with the configuration of the page, the server sees the clients' addresses`,
    ignore: Deno.build.os !== "linux" || !needs.every(isThere),
  }, async () => {
    const block = fencesIn(await Deno.readTextFile(PAGE))
      .find(({ info }) => info === `${name} balancer`)?.text;
    assert.ok(block !== undefined);
    await using log = await ServerLog.take();
    const [plain, secure] = [freePort(), freePort()];
    const balancer = parseNetwork("127.0.0.1");
    assert.ok(balancer !== undefined);
    await using fixture = await Fixture.create({}, {
      advertise: { address: { hostname: "127.0.0.1", port: plain }, tlsPort: secure },
      proxyProtocol: [balancer],
    });
    const [inner, innerTls] = fixture.server.addresses;
    const configuration = await fixture.folder.write(
      `${name}.conf`,
      whole(block, fixture.folder.path)
        .replace(/10\.0\.0\.20:1256/, `127.0.0.1:${inner?.port}`)
        .replace(/10\.0\.0\.20:1257/, `127.0.0.1:${innerTls?.port}`)
        .replace(/(?<=\s:?)1256(?=;|$)/m, `${plain}`)
        .replace(/(?<=\s:?)1257(?=;|$)/m, `${secure}`),
    );
    const process = tiedCommand(executable, {
      args: [...args(configuration, fixture.folder.path)],
      ...{ stdin: "null", stdout: "null", stderr: "piped" },
    }).spawn();
    const errors = new Response(process.stderr).text();
    try {
      await untilListening(secure, { program: name, maxMs: START_MS }).catch(async (error) => {
        process.kill("SIGKILL");
        throw new Error(await errors, { cause: error });
      });
      const content = pseudoRandomBytes(2_000_000);
      using alice = await fixture.client("Alice", {
        server: { hostname: "127.0.0.1", port: plain },
      });
      await put(alice, [{ file: await fixture.source("a", content) }]);
      assert.ok(areEqual(await got(alice, "a"), content));
      using bob = await RawClient.connect({ hostname: "127.0.0.1", port: plain });
      assert.equal(kindOf(await bob.register("Bob")), "registered");
      const lines = log.of("client.registered", "file.stored");
      assert.equal(lines.length, 3);
      assert.deepEqual(log.of("connection.refused"), []);
      // A client's port is the one that it has used, not the one of the balancer.
      const bobs = lines.find(({ name }) => name === "Bob");
      assert.equal(bobs?.["address"], `127.0.0.1:${bob.localPort}`);
    } finally {
      process.kill("SIGKILL");
      await process.status;
      await errors;
    }
  });
}
