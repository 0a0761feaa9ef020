/** A relay between two connections: everything arrives, whichever end is closed first. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { Relay } from "../../../server/listen/relay.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";

const SIZE = 5_000_000;

/** Both ends of a connection. */
async function connected(): Promise<[near: Deno.TcpConn, far: Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  return [near, await listener.accept()];
}

async function write(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}

async function readAll(from: Deno.TcpConn): Promise<Uint8Array> {
  const pieces: Bytes[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) return concatBytes(...pieces);
    pieces.push(buffer.slice(0, size));
  }
}

Deno.test("relay: what the server has sent before it closes arrives, and both connections end", async () => {
  const content = pseudoRandomBytes(SIZE);
  const [client, clientEnd] = await connected();
  const [serverEnd, server] = await connected();
  const relay = new Relay(clientEnd, serverEnd);
  const arriving = readAll(client);
  await write(server, content);
  server.close();
  relay.finish();
  assert.ok(areEqual(await arriving, content));
  await relay.ended;
  client.close();
});

Deno.test("relay: the end of the client reaches the server, which can still answer", async () => {
  const content = pseudoRandomBytes(SIZE);
  const [client, clientEnd] = await connected();
  const [serverEnd, server] = await connected();
  const relay = new Relay(clientEnd, serverEnd);
  const sending = write(client, content).then(() => client.closeWrite());
  assert.ok(areEqual(await readAll(server), content));
  await sending;
  await write(server, content.subarray(0, 7));
  server.close();
  assert.deepEqual(await readAll(client), content.subarray(0, 7));
  client.close();
  await relay.ended;
});

Deno.test("relay: if one connection is lost, the other is closed", async () => {
  const [client, clientEnd] = await connected();
  const [serverEnd, server] = await connected();
  const relay = new Relay(clientEnd, serverEnd);
  clientEnd.close();
  await write(client, pseudoRandomBytes(1));
  assert.equal(await server.read(new Uint8Array(1)).catch(() => null), null);
  relay.finish();
  server.close();
  client.close();
});
