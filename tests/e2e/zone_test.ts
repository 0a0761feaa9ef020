/** Link-local IPv6 addresses, which need a zone. */
import assert from "node:assert/strict";
import { ServerProcess, xfer } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const LINK_LOCAL = Deno.networkInterfaces().find(({ address }) => /^fe80:/i.test(address));

Deno.test({
  name:
    "zone: a link-local address with its zone works for listening, for both protocols, and in known_servers",
  ignore: LINK_LOCAL === undefined,
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    const host = `[${LINK_LOCAL?.address}%${LINK_LOCAL?.name}]`;
    await using server = await ServerProcess.start(folder.join("data"), {
      args: ["--listen", `${host}:0`],
    });
    const { location, address } = await server.logged("server.listening-securely");
    assert.ok(`${location}`.startsWith(`xfer://${host}:${server.port}#SHA256:`), `${location}`);
    assert.ok(`${address}`.startsWith(`${host}:`), `${address}`);
    const client = async (name: string, line1: string, ...args: string[]) => {
      const path = folder.join(name);
      await Deno.mkdir(path, { recursive: true, mode: 0o700 });
      await Deno.writeTextFile(`${path}/transfer.info`, `${line1}\n${name}\nhello.txt\n`);
      await Deno.writeTextFile(`${path}/hello.txt`, "hello\n");
      const { code, stderr, stdout } = await xfer(["client", ...args], path);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^Uploaded hello\.txt/);
    };
    await client("Alice", `${location}`);
    await client("Bob", `${host}:${server.port}`, "--accept-new");
    const known = await Deno.readTextFile(`${folder.join("Bob")}/known_servers`);
    assert.ok(known.startsWith(`${host}:${server.port} SHA256:`), known);
    await client("Carol", `${host}:${server.port}`, "--protocol", "3");
  },
});
