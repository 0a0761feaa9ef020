/** Protocol 4: attackers between a client and a server that has a certificate from a CA. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { openByName } from "../../../client/v4/open_tls.ts";
import { RequestMux } from "../../../client/v4/request_mux.ts";
import { KnownServers } from "../../../client/identity/known_servers.ts";
import { sign } from "../../../protocol/v4/authentication.ts";
import { encodeMessage } from "../../../protocol/v4/messages.ts";
import { fingerprintOfName } from "../../../protocol/v4/server_name.ts";
import { Authority, type Issued } from "../../support/tls/certificate_authority.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import {
  at,
  helloOf,
  known,
  lyingProxy,
  named,
  NOT_VERIFIED,
} from "../../support/v4/certificate_fixture.ts";
import { Fixture, startWithOwnKey } from "../../support/v4/fixture.ts";

Deno.test("man in the middle, before a CA's server: on first use their own key leads to a question, later it is refused", async () => {
  await using it = await named();
  const { fixture, trust } = it;
  await using attacker = await startWithOwnKey(fixture.folder.join("attacker"));
  const lie = await helloOf(attacker.address);
  await using proxy = await lyingProxy(fixture.server.address, () => lie);
  await using log = await ServerLog.take();
  const asked: string[] = [];
  const onNewServer = (fingerprint: string) => {
    asked.push(fingerprint);
    return false;
  };
  const options = { ...trust, server: at(proxy), onNewServer };
  await assert.rejects(fixture.client("Alice", options), { code: "server-not-trusted" });
  assert.equal(asked.length, 1);
  await new KnownServers(fixture.folder.join("Alice")).keep(at(proxy), "pki");
  await assert.rejects(fixture.client("Alice", options), { code: "other-server" });
  assert.equal(asked.length, 1, "a known server leads to no question");
  assert.deepEqual([...log.entries, ...log.refusals], [], "neither server was contacted");
});

Deno.test("man in the middle: an altered port leads only to servers that are refused, whatever their certificate", async () => {
  await using it = await named();
  const { fixture, trust } = it;
  await using attacker = await startWithOwnKey(fixture.folder.join("attacker"));
  const { port } = await helloOf(attacker.address);
  {
    await using proxy = await lyingProxy(fixture.server.address, (answer) => ({ ...answer, port }));
    const options = { ...trust, server: at(proxy) };
    await assert.rejects(fixture.client("Alice", options), NOT_VERIFIED);
    assert.equal(await known(fixture, "Alice", at(proxy)), undefined);
  }
  const { port: named4 } = await helloOf(fixture.server.address);
  await using proxy = await lyingProxy(attacker.address, (answer) => ({ ...answer, port: named4 }));
  await assert.rejects(fixture.client("Alice", { server: proxy.address }), {
    code: "no-secure-channel",
  });
  assert.equal(await known(fixture, "Alice", proxy.address), undefined);
});

Deno.test("man in the middle: an altered certificate has no effect if the name is verified", async () => {
  await using it = await named();
  const { fixture, authority, trust } = it;
  const { certificate } = await authority.issue({ names: ["files.example.org"] });
  const other = Uint8Array.from(
    atob(certificate.split("-----")[2]?.replaceAll(/\s/g, "") ?? ""),
    (char) => char.charCodeAt(0),
  );
  await using proxy = await lyingProxy(
    fixture.server.address,
    (answer) => ({ ...answer, certificate: other }),
  );
  (await fixture.client("Alice", { ...trust, server: at(proxy) }))[Symbol.dispose]();
  await using lying = await lyingProxy(
    fixture.server.address,
    (answer) => ({ ...answer, certificate: pseudoRandomBytes(500) }),
  );
  await assert.rejects(fixture.client("Alice", { ...trust, server: at(lying) }), {
    name: "ProtocolError",
    code: "bad-certificate",
  });
});

Deno.test("man in the middle: a silent port is given up in time, by name and by fingerprint", async () => {
  await using it = await named();
  const { fixture, trust } = it;
  await using own = await startWithOwnKey(fixture.folder.join("own"));
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr;
  const timeouts = { connectMs: 200 };
  for (const server of [fixture.server, own]) {
    await using proxy = await lyingProxy(server.address, (answer) => ({ ...answer, port }));
    const accepted = silent.accept();
    const connecting = fixture.client("Alice", {
      ...{ ...trust, server: at(proxy), timeouts },
      onNewServer: () => true,
    });
    await assert.rejects(connecting, { code: "no-secure-channel", message: /no answer within/ });
    (await accepted).close();
  }
});

const NO_SUCH_NAME = "the server has no certificate for the requested name";

/** A connection to a server that was verified by name, before the client has sent anything. */
async function openRaw(fixture: Fixture, caCerts: readonly string[]) {
  const { port } = await helloOf(fixture.byName);
  const mux = new RequestMux(
    await openByName(fixture.byName, port, caCerts, DEFAULT_TIMEOUTS),
    DEFAULT_TIMEOUTS,
  );
  const { nonce } = await mux.answerOf(0, "challenge");
  return { mux, nonce };
}

Deno.test("man in the middle: a signature for one name is not valid for another, nor for a key", async () => {
  await using it = await named();
  const { fixture, trust: { caCerts = [] }, trust } = it;
  (await fixture.client("Alice", trust))[Symbol.dispose]();
  await using log = await ServerLog.take();
  const folder = new AccountFolder(fixture.folder.join("Alice"));
  const { privateKey, publicKey: key } = await folder.loadKey();
  const { clientId = new Uint8Array(16) } = await folder.loadAccount() ?? {};
  const login = async (signed: Bytes, name: string | undefined) => {
    const { mux, nonce } = await openRaw(fixture, caCerts);
    using _exchange = mux;
    if (name !== undefined) await mux.send({ kind: "host", tag: 0, name });
    const claim = { fingerprint: signed, nonce, clientId, key };
    const signature = await sign(privateKey, claim);
    await mux.askFor({ kind: "login", tag: 0, clientId, key, signature }, "welcome");
  };
  const refused = { name: "RefusedError", code: "not-authenticated" };
  // A malicious server with its own name relays this server's nonce. Whatever certificate it reports, the client signs
  // the name that it verified.
  const attacker = await fingerprintOfName("evil.example.org");
  const own = await fingerprintOfName("localhost");
  await assert.rejects(login(attacker, "evil.example.org"), refused, "not a name of the server");
  await assert.rejects(login(attacker, "localhost"), refused, "signed for another name");
  await assert.rejects(login(attacker, undefined), refused, "no name at all");
  await assert.rejects(login(own, "127.0.0.1"), refused, "another name of this server");
  assert.deepEqual(log.refusals, [
    `client.refused: ${NO_SUCH_NAME}`,
    ...Array(3).fill("client.denied: the signature is wrong"),
  ]);
  assert.deepEqual(log.entries, []);
  await login(own, "localhost");
});

type Change = (bytes: Bytes) => Bytes;

/** Ends TLS with its own certificate and relays everything to a server, with altered client messages. */
function startRelay(attacker: Issued, caCerts: readonly string[], to: Address, change: Change) {
  const listener = Deno.listenTls({
    ...{ hostname: "127.0.0.1", port: 0, cert: attacker.certificate, key: attacker.key },
  });
  const pass = async (from: Deno.TlsConn, to: Deno.TlsConn, change: Change) => {
    const buffer = new Uint8Array(16 * 1024);
    for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
      const bytes = change(buffer.slice(0, size));
      for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
    }
    await to.closeWrite();
  };
  const relaying = (async () => {
    using client = await listener.accept();
    using server = await openByName(to, to.port, caCerts, DEFAULT_TIMEOUTS);
    await Promise.allSettled([
      pass(client, server, change),
      pass(server, client, (bytes) => bytes),
    ]);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      await relaying;
      listener.close();
    },
  };
}

Deno.test("man in the middle: the owner of another name cannot relay a sign-in by reporting the server's certificate", async () => {
  const authority = await Authority.create();
  await using fixture = await Fixture.named(await authority.issue({ names: ["localhost"] }));
  const caCerts = [authority.certificate];
  const onNewServer = () => assert.fail("nobody should be asked");
  const trust = { caCerts, onNewServer };
  (await fixture.client("Alice", { ...trust, server: fixture.byName }))[Symbol.dispose]();
  await using log = await ServerLog.take();
  const honest = await helloOf(fixture.byName);
  const host = (name: string) => encodeMessage({ kind: "host", tag: 0, name });
  const renamed: Change = (bytes) => {
    const said = host("127.0.0.1");
    const begins = said.every((byte, i) => bytes[i] === byte);
    return begins ? concatBytes(host("localhost"), bytes.subarray(said.length)) : bytes;
  };
  for (const change of [(bytes: Bytes) => bytes, renamed]) {
    const attacker = await authority.issue({ names: ["127.0.0.1"] });
    const to = { ...fixture.byName, port: honest.port };
    await using relay = await startRelay(attacker, caCerts, to, change);
    await using proxy = await lyingProxy(
      fixture.server.address,
      (answer) => ({ ...answer, port: relay.port }),
    );
    await assert.rejects(fixture.client("Alice", { ...trust, server: proxy.address }), {
      name: "RefusedError",
      code: "not-authenticated",
    });
  }
  assert.deepEqual(log.refusals, [
    `client.refused: ${NO_SUCH_NAME}`,
    "client.denied: the signature is wrong",
  ]);
  assert.deepEqual(log.entries, []);
});
