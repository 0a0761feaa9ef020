/** The port of protocol 4 if none is configured. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { findV4Server } from "../../../client/v4/discover.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const HOST = "127.0.0.1";
/** Another program may take a port between two checks. */
const TRIES = 20;

/** A listener at a port. `undefined` if it is taken. */
function listenAt(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: HOST, port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/** A free plain port, and a listener at the next one. */
function twoPorts(): { readonly plain: number; readonly after: Deno.TcpListener } {
  for (let left = TRIES; left > 0; left--) {
    using socket = Deno.listen({ hostname: HOST, port: 0 });
    const { port: plain } = socket.addr;
    const after = plain < 65_535 ? listenAt(plain + 1) : undefined;
    if (after !== undefined) return { plain, after };
  }
  throw new Error("There are no two free ports side by side");
}

async function portsOf(dataFolder: string, plain: number): Promise<readonly Address[]> {
  await using server = await startInThisThread({
    ...{ listen: [{ hostname: HOST, port: plain }], tlsListen: "beside", dataFolder },
  });
  const answer = await findV4Server(server.address, DEFAULT_TIMEOUTS);
  assert.equal(answer?.port, server.addresses[1]?.port, "the hello is answered with it");
  return server.addresses;
}

Deno.test("listeners: protocol 4 uses the port after the plain one if that is free", async () => {
  await using folder = await TemporaryFolder.create();
  for (let left = TRIES;; left--) {
    const { plain, after } = twoPorts();
    after.close();
    try {
      const addresses = await portsOf(folder.join("data"), plain);
      const ports = addresses.map(({ port }) => port);
      // Another program took it in between, so it is not free.
      using free = listenAt(plain + 1);
      const taken = ports[1] !== plain + 1 && free === undefined;
      if (taken && left > 0) continue;
      assert.deepEqual(ports, [plain, plain + 1]);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "cannot-listen" || left === 0) throw error;
    }
  }
});

Deno.test("listeners: protocol 4 uses any other free port if that one is taken", async () => {
  await using folder = await TemporaryFolder.create();
  for (let left = TRIES;; left--) {
    const { plain, after } = twoPorts();
    using _behind = after;
    try {
      const addresses = await portsOf(folder.join("data"), plain);
      assert.equal(addresses[0]?.port, plain);
      assert.ok(
        ![0, plain, plain + 1].includes(addresses[1]?.port ?? 0),
        JSON.stringify(addresses),
      );
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "cannot-listen" || left === 0) throw error;
    }
  }
});
