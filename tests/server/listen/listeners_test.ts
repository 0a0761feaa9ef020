/** Where the server listens for protocol 4 where nobody has said where. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { findV4Server } from "../../../client/v4/discover.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const HOST = "127.0.0.1";
/** Another program may take a port between two looks at it. */
const TRIES = 20;

/** Whoever listens at a port, or nobody where it is taken. */
function listenAt(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: HOST, port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/** A plain port that is free, and the one behind it, which is held. */
function twoPorts(): { readonly plain: number; readonly behind: Deno.TcpListener } {
  for (let left = TRIES; left > 0; left--) {
    using socket = Deno.listen({ hostname: HOST, port: 0 });
    const { port: plain } = socket.addr;
    const behind = plain < 65_535 ? listenAt(plain + 1) : undefined;
    if (behind !== undefined) return { plain, behind };
  }
  throw new Error("There are no two free ports side by side");
}

async function portsOf(dataFolder: string, plain: number): Promise<readonly Address[]> {
  await using server = await startInThisThread({
    ...{ listen: [{ hostname: HOST, port: plain }], tlsListen: "beside", dataFolder },
  });
  const answer = await findV4Server(server.address, DEFAULT_TIMEOUTS);
  assert.equal(answer?.port, server.addresses[1]?.port, "it is what the hello is answered with");
  return server.addresses;
}

Deno.test("protocol 4 is spoken at the port behind the plain one where that is free", async () => {
  await using folder = await TemporaryFolder.create();
  for (let left = TRIES;; left--) {
    const { plain, behind } = twoPorts();
    behind.close();
    try {
      const addresses = await portsOf(folder.join("data"), plain);
      const ports = addresses.map(({ port }) => port);
      // Taken by another program in between: it is free for nobody then.
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

Deno.test("and at any other that is free where that one is taken", async () => {
  await using folder = await TemporaryFolder.create();
  for (let left = TRIES;; left--) {
    const { plain, behind } = twoPorts();
    using _behind = behind;
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
