/** Connections over TLS send small pieces at once. */
import assert from "node:assert/strict";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { findV4Server } from "../../../client/v4/discover.ts";
import { startInThisThread } from "../../support/server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const CALLS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const;
const [SOL_SOCKET, SO_ACCEPTCONN, IPPROTO_TCP, TCP_NODELAY] = [1, 30, 6, 1];

/** For each accepted connection at a port of this process, whether it sends small pieces at once. */
function acceptedAt(port: number): boolean[] {
  const library = Deno.dlopen("libc.so.6", CALLS);
  const { getsockname, getsockopt } = library.symbols;
  const found: boolean[] = [];
  for (let descriptor = 0; descriptor < 1024; descriptor++) {
    const address = new Uint8Array(28);
    if (getsockname(descriptor, address, new Uint32Array([28])) !== 0) continue;
    if (new DataView(address.buffer).getUint16(2) !== port) continue;
    const option = (level: number, name: number) => {
      const value = new Int32Array(1);
      getsockopt(descriptor, level, name, value, new Uint32Array([4]));
      return value[0] === 1;
    };
    if (!option(SOL_SOCKET, SO_ACCEPTCONN)) found.push(option(IPPROTO_TCP, TCP_NODELAY));
  }
  library.close();
  return found;
}

Deno.test({
  name: "listeners: connections over TLS send small pieces at once, on Linux",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await startInThisThread({
      ...{ listen: [{ hostname: "127.0.0.1", port: 0 }], tlsListen: "beside" },
      dataFolder: folder.join("data"),
    });
    const { port } = await findV4Server(server.address, DEFAULT_TIMEOUTS);
    using socket = await Deno.connect({ hostname: "127.0.0.1", port });
    let accepted = acceptedAt(port);
    while (accepted.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      accepted = acceptedAt(port);
    }
    assert.deepEqual(accepted, [true]);
    assert.ok(socket.localAddr);
  },
});
