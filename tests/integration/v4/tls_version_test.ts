/** The TLS version: 1.3 between xfer's own ends, and the platform's choices for other clients. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { ServerLog } from "../../support/server_log.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import { eachRecord } from "../../support/tls/records.ts";
import { hasTool, runTool } from "../../support/tools.ts";
import { named } from "../../support/v4/certificate_fixture.ts";
import { Fixture } from "../../support/v4/fixture.ts";

const HANDSHAKE_RECORD = 22;
const SERVER_HELLO = 2;
const SUPPORTED_VERSIONS = 0x002b;
const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;
/** All suites of TLS 1.3 that the platform has. None of them belongs to 1.2 (RFC 8446 B.4). */
const SUITES = [0x1301, 0x1302, 0x1303];

/** The choices of a ServerHello (RFC 8446 4.1.3) in a record of its own. */
function chosenBy(record: Bytes): { readonly version: number; readonly suite: number } {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  assert.deepEqual([view.getUint8(0), view.getUint8(5)], [HANDSHAKE_RECORD, SERVER_HELLO]);
  // After the headers of the record and the message: version, random, session id.
  const suiteAt = 5 + 4 + 2 + 32 + 1 + view.getUint8(5 + 4 + 2 + 32);
  const suite = view.getUint16(suiteAt);
  let version = view.getUint16(5 + 4);
  for (let at = suiteAt + 2 + 1 + 2; at < record.length; at += 4 + view.getUint16(at + 2)) {
    if (view.getUint16(at) === SUPPORTED_VERSIONS) version = view.getUint16(at + 4);
  }
  return { version, suite };
}

async function chosenWith(
  fixture: Fixture,
  trust: Partial<ConnectOptions> = {},
): Promise<ReturnType<typeof chosenBy>> {
  let hello: Bytes | undefined;
  const down = eachRecord((record, index) => {
    if (index === 0) hello = record;
    return [record];
  });
  await using proxy = await SecureProxy.start(fixture.server, { secure: { down } });
  const server = trust.caCerts ? { ...proxy.address, hostname: "localhost" } : proxy.address;
  (await fixture.client("Alice", { ...trust, server }))[Symbol.dispose]();
  assert.ok(hello !== undefined);
  return chosenBy(hello);
}

Deno.test("tls: client and server speak TLS 1.3, verified by fingerprint or by name", async () => {
  await using fixture = await Fixture.create();
  await using it = await named();
  for (const chosen of [await chosenWith(fixture), await chosenWith(it.fixture, it.trust)]) {
    assert.equal(chosen.version, TLS_1_3);
    assert.ok(SUITES.includes(chosen.suite), `${chosen.suite}`);
  }
});

Deno.test("tls: removing TLS 1.3 from the client's offer does not lead to 1.2", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  log.forget();
  // The extension that offers both (RFC 8446 4.2.1), and one that offers 1.2 twice.
  const both = [0x00, 0x2b, 0x00, 0x05, 0x04, 0x03, 0x04, 0x03, 0x03];
  let stripped = false;
  let answer: ReturnType<typeof chosenBy> | undefined;
  const up = eachRecord((record, index) => {
    const at = record.findIndex((_, i) => both.every((byte, j) => record[i + j] === byte));
    if (index === 0 && at >= 0) {
      record[at + 6] = 0x03;
      stripped = true;
    }
    return [record];
  });
  const down = eachRecord((record, index) => {
    if (index === 0) answer = chosenBy(record);
    return [record];
  });
  await using proxy = await SecureProxy.start(fixture.server, { secure: { up, down } });
  await assert.rejects(fixture.client("Alice", { server: proxy.address }), {
    name: "NetworkError",
    code: "no-secure-channel",
  });
  assert.ok(stripped);
  assert.equal(answer?.version, TLS_1_2, "the server chose the offered 1.2");
  await log.awaits("connection.lost");
  assert.deepEqual(log.entries, []);
});

Deno.test({
  name: "tls: another client may choose TLS 1.2 with an ephemeral key and AEAD, and nothing below",
  ignore: !hasTool("openssl"),
  async fn() {
    await using fixture = await Fixture.create();
    const { hostname, port } = fixture.server.addresses.at(-1) ?? fixture.server.address;
    const connect = async (...options: readonly string[]) => {
      const to = ["s_client", "-connect", `${hostname}:${port}`, "-brief"];
      const { stderr } = await runTool("openssl", [...to, ...options]);
      return /Protocol version: (\S+)\s+Ciphersuite: (\S+)/.exec(stderr)?.slice(1).join(" ") ??
        "none";
    };
    assert.match(await connect("-tls1_3"), /^TLSv1\.3 /);
    assert.match(await connect("-tls1_2"), /^TLSv1\.2 ECDHE-ECDSA-(AES\d+-GCM-|CHACHA20-POLY)/);
    const weak = ["ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"];
    for (const cipher of weak) assert.equal(await connect("-tls1_2", "-cipher", cipher), "none");
    const old = ["-cipher", "ALL:@SECLEVEL=0"];
    for (const version of ["-tls1_1", "-tls1"]) {
      assert.equal(await connect(version, ...old), "none");
    }
  },
});
