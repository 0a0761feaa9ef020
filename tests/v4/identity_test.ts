/** Protocol 4: who the server is, by its own key or by an operator's certificate, and what others can make of it. */
import assert from "node:assert/strict";
import {
  type Address,
  type Bytes,
  concatBytes,
  DEFAULT_TIMEOUTS,
  equalBytes,
  type SecureOptions,
} from "../../mod.ts";
import { AccountFolder } from "../../client/v4/account.ts";
import { findSecure, openByName } from "../../client/v4/channel.ts";
import { Exchange } from "../../client/v4/exchange.ts";
import { MAX_SMALL_FILE } from "../../client/files.ts";
import { KnownServers } from "../../client/v4/known_servers.ts";
import { fingerprintOf } from "../../protocol/v4/fingerprint.ts";
import { decodeHelloAnswer, encodeHelloAnswer, type HelloAnswer } from "../../protocol/v4/hello.ts";
import { encodeMessage } from "../../protocol/v4/messages.ts";
import { fingerprintOfName } from "../../protocol/v4/server_name.ts";
import { sign } from "../../protocol/v4/authentication.ts";
import { CHUNK_SIZE } from "../../protocol/v4/tree.ts";
import { Authority, type Issued } from "../helpers/authority.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { FaultyProxy } from "../helpers/faulty_proxy.ts";
import { connectRaw, filesIn, got, put, Scene, startServer } from "./scene.ts";

const NAMES = ["localhost", "127.0.0.1"];

interface Named extends AsyncDisposable {
  readonly scene: Scene;
  readonly authority: Authority;
  /** What a client of this scene adds to its options. */
  readonly trust: Partial<SecureOptions>;
}

/** A server with an operator's certificate; nobody is to be asked about it. */
async function named(issued?: Issued): Promise<Named> {
  const authority = await Authority.create();
  const scene = await Scene.named(issued ?? await authority.issue({ names: NAMES }));
  return {
    ...{ scene, authority },
    trust: {
      ...{ server: scene.byName, caCerts: [authority.certificate] },
      onNewServer: () => assert.fail("nobody is to be asked"),
    },
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}

/** Passes connections on to the plain port, and changes the answer to the hello. */
function lyingProxy(
  target: Address,
  lie: (answer: HelloAnswer) => HelloAnswer,
): Promise<FaultyProxy> {
  return FaultyProxy.start(target, {
    down: () => (bytes) => {
      const answer = decodeHelloAnswer(bytes);
      return [answer === undefined ? bytes : encodeHelloAnswer(lie(answer))];
    },
  });
}

async function helloOf(address: Address): Promise<HelloAnswer> {
  const answer = await findSecure(address, DEFAULT_TIMEOUTS);
  assert.ok(answer !== undefined);
  return answer;
}

const at = (proxy: FaultyProxy): Address => ({ ...proxy.address, hostname: "localhost" });

async function known(scene: Scene, name: string, address: Address) {
  return await new KnownServers(scene.folder.join(name)).find(address);
}

Deno.test("a server with an authority's certificate is verified by its name, and kept so", async () => {
  await using it = await named();
  const { scene, trust } = it;
  const content = pseudoRandomBytes(1000);
  using alice = await scene.client("Alice", trust);
  await put(alice, [{ file: await scene.source("a", content) }]);
  assert.deepEqual(await got(alice, "a"), content);
  assert.equal(await known(scene, "Alice", scene.byName), "pki");
  // By another name that the certificate has, in capitals, and the second time.
  for (const hostname of ["127.0.0.1", "LOCALHOST", "localhost"]) {
    using again = await scene.client("Alice", { ...trust, server: { ...scene.byName, hostname } });
    assert.equal((await again.stat("a")).size, 1000, hostname);
  }
});

Deno.test("a renewed certificate passes, with another key and from another authority too", async () => {
  await using it = await named();
  const { scene, authority, trust } = it;
  (await scene.client("Alice", trust))[Symbol.dispose]();
  await scene.show(await authority.issue({ names: NAMES }));
  await scene.server.reload();
  (await scene.client("Alice", trust))[Symbol.dispose]();
  const other = await Authority.create();
  await scene.show(await other.issue({ names: NAMES }));
  await scene.server.reload();
  await assert.rejects(scene.client("Alice", trust), { code: "server-not-verified" });
  const both = { ...trust, caCerts: [authority.certificate, other.certificate] };
  (await scene.client("Alice", both))[Symbol.dispose]();
});

const NOT_VERIFIED = { name: "ConfigurationError", code: "server-not-verified" };

Deno.test("a certificate for another name, from no known authority or expired is refused, first and later", async () => {
  await using it = await named();
  const { scene, authority, trust } = it;
  const stranger = await Authority.create();
  const bad: Record<string, Issued> = {
    "another name": await authority.issue({ names: ["files.example.org"] }),
    "another authority": await stranger.issue({ names: NAMES }),
    "expired": await authority.issue({ names: NAMES, notAfter: new Date("2021-01-01T00:00:00Z") }),
  };
  (await scene.client("Bob", trust))[Symbol.dispose]();
  for (const [what, issued] of Object.entries(bad)) {
    await scene.show(issued);
    await scene.server.reload();
    await assert.rejects(scene.client("Alice", trust), NOT_VERIFIED, what);
    assert.equal(await known(scene, "Alice", scene.byName), undefined, what);
    await assert.rejects(scene.client("Bob", trust), NOT_VERIFIED, what);
  }
});

Deno.test("from an authority's certificate to a self-made one and back is a hard error that says how to go on", async () => {
  await using it = await named();
  const { scene, trust } = it;
  await using own = await startServer(scene.folder.join("own"));
  const address = { ...own.address, hostname: "localhost" };
  for (
    const [expected, real, found] of [
      ["pki", address, /fingerprint SHA256:\S+, expected was an authority's certificate/],
      [
        await fingerprintOf((await helloOf(own.address)).certificate),
        scene.byName,
        /an authority's certificate, expected was the fingerprint SHA256:/,
      ],
    ] as const
  ) {
    const folder = await scene.options("Alice", { ...trust, server: real });
    const servers = new KnownServers(folder.identityFolder);
    await servers.keep(real, expected);
    const changed = { name: "ConfigurationError", code: "other-server", message: found };
    await assert.rejects(scene.client("Alice", { ...trust, server: real }), changed);
    await assert.rejects(scene.client("Alice", { ...trust, server: real }), {
      hint: new RegExp(`xfer client forget localhost:${real.port}$`),
    });
    assert.deepEqual(await servers.find(real), expected, "what is known stays");
    assert.ok(await servers.forget(real));
    const name = real === address ? "Carol" : "Alice";
    (await scene.client(name, { ...trust, server: real, onNewServer: () => true }))
      [Symbol.dispose]();
  }
});

Deno.test("a fingerprint in the address can't be met by an authority's certificate", async () => {
  await using it = await named();
  const { scene, trust } = it;
  const fingerprint = await fingerprintOf((await helloOf(scene.byName)).certificate);
  await assert.rejects(scene.client("Alice", { ...trust, fingerprint }), {
    code: "other-server",
    hint: new RegExp(`line 1 of transfer.info: xfer://localhost:${scene.byName.port}$`),
  });
});

Deno.test("in the middle, before an authority's server: his own key is asked about, and later refused", async () => {
  await using it = await named();
  const { scene, trust } = it;
  await using his = await startServer(scene.folder.join("his"));
  const lie = await helloOf(his.address);
  await using proxy = await lyingProxy(scene.server.address, () => lie);
  const asked: string[] = [];
  const onNewServer = (fingerprint: string) => {
    asked.push(fingerprint);
    return false;
  };
  const options = { ...trust, server: at(proxy), onNewServer };
  await assert.rejects(scene.client("Alice", options), { code: "server-not-trusted" });
  assert.equal(asked.length, 1);
  await new KnownServers(scene.folder.join("Alice")).keep(at(proxy), "pki");
  await assert.rejects(scene.client("Alice", options), { code: "other-server" });
  assert.equal(asked.length, 1, "who is known is not asked about");
});

Deno.test("an altered port leads to nobody who is not the server, whichever certificate it has", async () => {
  await using it = await named();
  const { scene, trust } = it;
  await using his = await startServer(scene.folder.join("his"));
  const { port } = await helloOf(his.address);
  {
    await using proxy = await lyingProxy(scene.server.address, (answer) => ({ ...answer, port }));
    const options = { ...trust, server: at(proxy) };
    await assert.rejects(scene.client("Alice", options), NOT_VERIFIED);
    assert.equal(await known(scene, "Alice", at(proxy)), undefined);
  }
  const { port: named4 } = await helloOf(scene.server.address);
  await using proxy = await lyingProxy(his.address, (answer) => ({ ...answer, port: named4 }));
  await assert.rejects(scene.client("Alice", { server: proxy.address }), {
    code: "no-secure-channel",
  });
  assert.equal(await known(scene, "Alice", proxy.address), undefined);
});

Deno.test("an altered certificate changes nothing where it is the name that is verified", async () => {
  await using it = await named();
  const { scene, authority, trust } = it;
  const { certificate } = await authority.issue({ names: ["files.example.org"] });
  const other = Uint8Array.from(
    atob(certificate.split("-----")[2]?.replaceAll(/\s/g, "") ?? ""),
    (char) => char.charCodeAt(0),
  );
  await using proxy = await lyingProxy(
    scene.server.address,
    (answer) => ({ ...answer, certificate: other }),
  );
  (await scene.client("Alice", { ...trust, server: at(proxy) }))[Symbol.dispose]();
  await using mad = await lyingProxy(
    scene.server.address,
    (answer) => ({ ...answer, certificate: pseudoRandomBytes(500) }),
  );
  await assert.rejects(scene.client("Alice", { ...trust, server: at(mad) }), {
    name: "ProtocolError",
    code: "bad-certificate",
  });
});

Deno.test("a port that says nothing is given up in time, by name and by fingerprint", async () => {
  await using it = await named();
  const { scene, trust } = it;
  await using own = await startServer(scene.folder.join("own"));
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr;
  const timeouts = { connectMs: 200 };
  for (const server of [scene.server, own]) {
    await using proxy = await lyingProxy(server.address, (answer) => ({ ...answer, port }));
    const accepted = silent.accept();
    const connecting = scene.client("Alice", {
      ...{ ...trust, server: at(proxy), timeouts },
      onNewServer: () => true,
    });
    await assert.rejects(connecting, { code: "no-secure-channel", message: /no answer within/ });
    (await accepted).close();
  }
});

/** A connection to a server that is verified by name, before the client has said anything. */
async function openRaw(scene: Scene, caCerts: readonly string[]) {
  const { port } = await helloOf(scene.byName);
  const exchange = new Exchange(
    await openByName(scene.byName, port, caCerts, DEFAULT_TIMEOUTS),
    DEFAULT_TIMEOUTS,
  );
  const { nonce } = await exchange.answerOf(0, "challenge");
  return { exchange, nonce };
}

Deno.test("what a client signs for one name is worth nothing under another, or for a key", async () => {
  await using it = await named();
  const { scene, trust: { caCerts = [] }, trust } = it;
  (await scene.client("Alice", trust))[Symbol.dispose]();
  const folder = new AccountFolder(scene.folder.join("Alice"));
  const { privateKey, publicKey: key } = await folder.loadKey();
  const { clientId = new Uint8Array(16) } = await folder.loadAccount() ?? {};
  const login = async (signed: Bytes, name: string | undefined) => {
    const { exchange, nonce } = await openRaw(scene, caCerts);
    using _exchange = exchange;
    if (name !== undefined) await exchange.send({ kind: "host", tag: 0, name });
    const claim = { fingerprint: signed, nonce, clientId, key };
    const signature = await sign(privateKey, claim);
    await exchange.askFor({ kind: "login", tag: 0, clientId, key, signature }, "welcome");
  };
  const refused = { name: "RefusedError", code: "not-authenticated" };
  // A malicious server with a name of its own passes on this server's nonce; whatever certificate it tells of, the
  // client signs the name under which it has verified it.
  const his = await fingerprintOfName("evil.example.org");
  const own = await fingerprintOfName("localhost");
  await assert.rejects(login(his, "evil.example.org"), refused, "not a name of the server");
  await assert.rejects(login(his, "localhost"), refused, "signed for another name");
  await assert.rejects(login(his, undefined), refused, "no name at all");
  await assert.rejects(login(own, "127.0.0.1"), refused, "another name of this server");
  await login(own, "localhost");
});

type Change = (bytes: Bytes) => Bytes;

/** Ends TLS with a certificate of his own, and passes all on to a server, what the client says changed. */
function startRelay(his: Issued, caCerts: readonly string[], to: Address, change: Change) {
  const listener = Deno.listenTls({
    ...{ hostname: "127.0.0.1", port: 0, cert: his.certificate, key: his.key },
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

Deno.test("he who has a name of his own can't relay a login to a server by telling of its certificate", async () => {
  const authority = await Authority.create();
  await using scene = await Scene.named(await authority.issue({ names: ["localhost"] }));
  const caCerts = [authority.certificate];
  const onNewServer = () => assert.fail("nobody is to be asked");
  const trust = { caCerts, onNewServer };
  (await scene.client("Alice", { ...trust, server: scene.byName }))[Symbol.dispose]();
  const honest = await helloOf(scene.byName);
  const host = (name: string) => encodeMessage({ kind: "host", tag: 0, name });
  const renamed: Change = (bytes) => {
    const said = host("127.0.0.1");
    const begins = said.every((byte, i) => bytes[i] === byte);
    return begins ? concatBytes(host("localhost"), bytes.subarray(said.length)) : bytes;
  };
  for (const change of [(bytes: Bytes) => bytes, renamed]) {
    const his = await authority.issue({ names: ["127.0.0.1"] });
    const to = { ...scene.byName, port: honest.port };
    await using relay = await startRelay(his, caCerts, to, change);
    await using proxy = await lyingProxy(
      scene.server.address,
      (answer) => ({ ...answer, port: relay.port }),
    );
    await assert.rejects(scene.client("Alice", { ...trust, server: proxy.address }), {
      name: "RefusedError",
      code: "not-authenticated",
    });
  }
});

Deno.test("a server that nobody vouches for answers to no name", async () => {
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  using raw = await connectRaw(scene.server.address);
  const asked = raw.exchange.ask({ kind: "host", tag: 0, name: "localhost" }, () => true);
  await assert.rejects(asked, { code: "not-authenticated" });
});

Deno.test("reload: uploads that are on their way go on, new connections see the new certificate", async () => {
  await using it = await named();
  const { scene, authority, trust } = it;
  const contents = [1, 2, 3].map((seed) => pseudoRandomBytes(20 * CHUNK_SIZE, seed));
  const files = await Promise.all(
    contents.map(async (content, i) => ({ file: await scene.source(`file${i}`, content) })),
  );
  using alice = await scene.client("Alice", trust);
  const before = await helloOf(scene.byName);
  const putting = put(alice, files);
  for (let time = 1; time <= 3; time++) {
    await scene.show(await authority.issue({ names: NAMES }));
    await scene.server.reload();
    using bob = await scene.client("Bob", trust);
    await assert.rejects(bob.stat("none"), { code: "no-such-file" });
  }
  const after = await helloOf(scene.byName);
  assert.equal(after.port, before.port);
  assert.notDeepEqual(after.certificate, before.certificate);
  assert.ok((await putting).every((outcome) => typeof outcome === "number"));
  for (const [i, content] of contents.entries()) {
    assert.ok(equalBytes(await got(alice, `file${i}`), content));
  }
});

Deno.test("reload: what can't be used leaves the old in force", async () => {
  await using it = await named();
  const { scene, authority, trust } = it;
  const good = await authority.issue({ names: NAMES });
  const other = await authority.issue({ names: NAMES });
  const bad: readonly [what: string, issued: Issued, code: string][] = [
    ["no certificate", { ...good, certificate: "none" }, "bad-tls-certificate"],
    ["no name", await authority.issue({ names: [] }), "bad-tls-certificate"],
    [
      "damaged",
      { ...good, certificate: good.certificate.replace("MII", "AII") },
      "bad-tls-certificate",
    ],
    ["no key", { ...good, key: "none" }, "bad-tls-key"],
    ["another's key", { ...good, key: other.key }, "bad-tls-key"],
  ];
  const before = await helloOf(scene.byName);
  for (const [what, issued, code] of bad) {
    await scene.show(issued);
    await assert.rejects(scene.server.reload(), { name: "ConfigurationError", code }, what);
    assert.deepEqual(await helloOf(scene.byName), before, what);
    (await scene.client("Alice", trust))[Symbol.dispose]();
  }
  await Deno.remove(filesIn(scene.folder).key);
  await assert.rejects(scene.server.reload(), { code: "bad-tls-key", message: /key\.pem.*none/ });
});

Deno.test("reload of the server's own identity: the same is no change, none is an error and not a new one", async () => {
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  await scene.server.reload();
  const path = scene.folder.join("data", "tls.pem");
  const own = await Deno.readTextFile(path);
  await Deno.remove(path);
  await assert.rejects(scene.server.reload(), { code: "bad-tls-identity" });
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  await Deno.writeTextFile(path, own);
  (await scene.client("Alice"))[Symbol.dispose]();
});

Deno.test("known servers: what others wrote meanwhile and comments stay; at once, the file is whole", async () => {
  await using scene = await Scene.create();
  const { identityFolder } = await scene.options("Alice");
  const [one, other] = [new KnownServers(identityFolder), new KnownServers(identityFolder)];
  const lab = { hostname: "lab.example.org", port: 1256 };
  await Deno.writeTextFile(one.path, "# the lab's\n\nLab.example.org:1256 pki\n");
  for (const [port, known] of [[1, one], [2, other], [3, one]] as const) {
    assert.equal(await known.find(lab), "pki");
    await known.keep({ hostname: "h", port }, "pki");
  }
  const comment = "# the lab's\n\n";
  const kept = "h:1 pki\nh:2 pki\nh:3 pki\n";
  assert.equal(await Deno.readTextFile(one.path), `${comment}Lab.example.org:1256 pki\n${kept}`);
  assert.equal(await one.forget({ ...lab, hostname: "LAB.example.org" }), true);
  assert.equal(await other.forget(lab), false);
  assert.equal(await Deno.readTextFile(one.path), comment + kept);
  const met = [4, 5, 6, 7].map((port) => ({ hostname: "h", port }));
  await Promise.all(met.map((address) => new KnownServers(identityFolder).keep(address, "pki")));
  const lines = await Deno.readTextFile(one.path);
  assert.ok(lines.startsWith(comment + kept), lines);
  assert.match(lines.slice((comment + kept).length), /^(h:[4-7] pki\n)+$/);
});

Deno.test("known servers that are too many are said to be, and nothing is forgotten for them", async () => {
  await using scene = await Scene.create();
  const { identityFolder } = await scene.options("Alice");
  const known = new KnownServers(identityFolder);
  const line = (i: number) => `host${`${i}`.padStart(4, "0")}.example:1 pki\n`;
  const most = Array.from(
    { length: Math.floor(MAX_SMALL_FILE / line(0).length) },
    (_, i) => line(i),
  );
  await Deno.writeTextFile(known.path, most.join(""));
  const before = await Deno.readTextFile(known.path);
  await assert.rejects(known.keep({ hostname: "one.more.example", port: 1 }, "pki"), {
    code: "too-many-known-servers",
  });
  assert.equal(await Deno.readTextFile(known.path), before);
  assert.equal(await known.find({ hostname: "host0000.example", port: 1 }), "pki");
});
