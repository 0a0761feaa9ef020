/** A server whose ports are mapped to other numbers, like behind NAT or in a container. */
import assert from "node:assert/strict";
import { FaultyProxy } from "../support/net/faulty_proxy.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

/** Another program may take a port between the two checks. */
const TRIES = 20;

interface Mapped extends AsyncDisposable {
  readonly plain: number;
  readonly secure: number;
  leadTo(ports: readonly [plain: number, secure: number]): void;
}

/** Maps two ports to those that a server will have. `next`: adjacent ports. */
async function mapPorts(hostname: string, next: boolean): Promise<Mapped> {
  const target = () => ({ hostname: "127.0.0.1", port: 0 });
  const targets = [target(), target()] as const;
  for (let left = TRIES;; left--) {
    const plain = await FaultyProxy.startAt({ hostname, port: 0 }, targets[0]);
    const { port } = plain.address;
    try {
      const at = { hostname, port: next ? port + 1 : 0 };
      const secure = await FaultyProxy.startAt(at, targets[1]);
      return {
        plain: port,
        secure: secure.address.port,
        leadTo(ports) {
          [targets[0].port, targets[1].port] = ports;
        },
        async [Symbol.asyncDispose]() {
          await plain[Symbol.asyncDispose]();
          await secure[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await plain[Symbol.asyncDispose]();
      if (left === 0) throw error;
    }
  }
}

const HAS_IPV6 = ((): boolean => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

const CASES = [
  { what: "the TLS port is given", hostname: "127.0.0.1", next: false },
  { what: "the TLS port is the next one", hostname: "127.0.0.1", next: true },
  { what: "an IPv6 host, the TLS port is given", hostname: "::1", next: false },
  { what: "an IPv6 host, the TLS port is the next one", hostname: "::1", next: true },
];

for (const { what, hostname, next } of CASES) {
  Deno.test({
    name: `advertise: a server with mapped ports is reached by the link that it prints: ${what}`,
    ignore: hostname === "::1" && !HAS_IPV6,
    async fn() {
      await using folder = await TemporaryFolder.createOnDisk();
      await using mapped = await mapPorts(hostname, next);
      const host = hostname === "::1" ? "[::1]" : hostname;
      const where = `${host}:${mapped.plain}`;
      await using server = await ServerProcess.start(folder.join("data"), {
        args: [
          ...["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"],
          ...["--advertise", next ? where : `${where},${mapped.secure}`],
        ],
      });
      const { location, port } = await server.logged("server.listening-securely");
      mapped.leadTo([server.port, Number(port)]);
      assert.match(`${location}`, /^xfer:\/\/.*#SHA256:/);
      assert.ok(`${location}`.startsWith(`xfer://${where}#`), `${location}`);
      await Deno.mkdir(folder.join("alice"));
      await folder.write("alice/transfer.info", `${location}\nAlice\na.txt\n`);
      await folder.write("alice/a.txt", "hello");
      const sent = await xfer(["client", "--retries", "0"], folder.join("alice"));
      assert.equal(sent.code, 0, sent.stderr);
      const got = await xfer(["client", "get", "a.txt", "-o", "back"], folder.join("alice"));
      assert.equal(got.code, 0, got.stderr);
      assert.equal(await Deno.readTextFile(folder.join("alice", "back")), "hello");
    },
  });
}

Deno.test("advertise: the port after the dialled one serves clients on either side of the mapping", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await ServerProcess.start(folder.join("data"), {
    args: ["--listen", "127.0.0.1:0", "--advertise", "files.example.org:2256"],
  });
  const { port, location } = await server.logged("server.listening-securely");
  assert.match(`${location}`, /^xfer:\/\/files\.example\.org:2256#/);
  if (port !== server.port + 1) return; // Another program had it.
  await Deno.mkdir(folder.join("alice"));
  await folder.write("alice/a.txt", "hello");
  await folder.write("alice/transfer.info", `127.0.0.1:${server.port}\nAlice\na.txt\n`);
  const sent = await xfer(["client", "--accept-new"], folder.join("alice"));
  assert.equal(sent.code, 0, sent.stderr);
});

Deno.test("advertise: an invalid value is refused, with the expected form", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  for (const text of ["h", "h:0", "h:1,0", "h:1,", "h:65535", "h:1,70000", "::1:1", "h:1,2,3"]) {
    const args = ["server", "--data", folder.join("data"), "--advertise", text];
    const { code, stderr } = await xfer(args, folder.path);
    assert.equal(code, 2, text);
    assert.match(stderr, /expected HOST:PORT or HOST:PORT,TLS-PORT/);
  }
  const unused = ["--advertise", "h:1", "--tls-listen", "none"];
  const { code, stderr } = await xfer(["server", "--data", folder.join("data"), ...unused]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /--advertise has no effect .*\[advertise-unused\]/);
});

Deno.test("advertise: a port of protocol 4 that is mapped and not advertised: the hint says what to do", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await ServerProcess.start(folder.join("data"), {
    args: ["--listen", "127.0.0.1:0", "--advertise", "h:1,1"],
  });
  await folder.write("transfer.info", `127.0.0.1:${server.port}\nAlice\n`);
  const args = ["client", "--accept-new", "--retries", "0", "list"];
  const { code, stderr } = await xfer(args, folder.path);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /cannot connect to 127\.0\.0\.1:1: .*\[cannot-connect\]/);
  assert.match(stderr, /--advertise HOST:PORT,TLS-PORT/);
});
