/** The control socket: requests of commands, and bytes that are none. */
import assert from "node:assert/strict";
import { callServer } from "../../../server/control/call_server.ts";
import { ControlSocket } from "../../../server/control/control_socket.ts";
import { MAX_LINE } from "../../../server/control/lines.ts";
import { CONTROL_SOCKET } from "../../../protocol/server_files.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const ignore = Deno.build.os === "windows";
const log = { debug: assert.fail, info: assert.fail, warn: assert.fail, error: assert.fail };

async function withSocket(body: (folder: TemporaryFolder) => Promise<void>): Promise<void> {
  await using folder = await TemporaryFolder.create();
  const requests = {
    echo: ({ text }: Readonly<Record<string, unknown>>) => ({ text }),
    fail: () => Promise.reject(new Error("it \x1b[2J failed")),
    nothing: () => undefined,
  };
  await using _socket = await ControlSocket.open(folder.join(CONTROL_SOCKET), requests, log);
  await body(folder);
}

Deno.test(
  { name: "control: a request has its result, and only its owner may ask", ignore },
  () =>
    withSocket(async (folder) => {
      const text = "x".repeat(300_000) + "\u{1f600}\n";
      assert.deepEqual(await callServer(folder.path, "echo", { text }), { text });
      assert.equal(await callServer(folder.path, "nothing"), null);
      const { mode } = await Deno.stat(folder.join(CONTROL_SOCKET));
      assert.equal((mode ?? 0) & 0o777, 0o600);
    }),
);

Deno.test({
  name: "control: a request that fails, or is unknown, is an error with safe words",
  ignore,
}, () =>
  withSocket(async (folder) => {
    for (const request of ["fail", "unknown", "toString", "__proto__"]) {
      await assert.rejects(callServer(folder.path, request), { code: "unavailable" }, request);
    }
    await assert.rejects(callServer(folder.path, "fail"), (error: Error) => {
      assert.ok(!error.message.includes("\x1b"));
      return true;
    });
  }));

Deno.test(
  { name: "control: whatever is sent, the socket answers the next command", ignore },
  () =>
    withSocket(async (folder) => {
      const path = folder.join(CONTROL_SOCKET);
      for (
        const bytes of ["", "\n", "null\n", "[]\n", "{", "x".repeat(100_000), '{"request":1}\n']
      ) {
        const peer = await Deno.connect({ transport: "unix", path });
        await peer.write(new TextEncoder().encode(bytes)).catch(() => undefined);
        peer.close();
      }
      const endless = await Deno.connect({ transport: "unix", path });
      const piece = new Uint8Array(64 * 1024).fill(120);
      await assert.rejects(async () => {
        for (let sent = 0; sent < 2 * MAX_LINE; sent += piece.length) await endless.write(piece);
        if (await endless.read(piece) === null) throw new Error("closed");
      });
      endless.close();
      assert.deepEqual(await callServer(folder.path, "echo", { text: 1 }), { text: 1 });
    }),
);

Deno.test({ name: "control: without a server, commands say so", ignore }, async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(callServer(folder.path, "echo"), { code: "no-running-server" });
  await withSocket(() => Promise.resolve());
  const listener = Deno.listen({ transport: "unix", path: folder.join(CONTROL_SOCKET) });
  listener.close();
  await assert.rejects(callServer(folder.path, "echo"), { code: "no-running-server" }, "killed");
  const requests = { echo: () => "new" };
  await using _socket = await ControlSocket.open(folder.join(CONTROL_SOCKET), requests, log);
  assert.equal(await callServer(folder.path, "echo"), "new", "the old socket is replaced");
});

Deno.test(
  { name: "control: a server that cannot have a socket runs without", ignore },
  async () => {
    await using folder = await TemporaryFolder.create();
    const lines: string[] = [];
    const warn = (_: string, { event }: { event: string }) => void lines.push(event);
    const long = folder.join("x".repeat(200));
    assert.equal(await ControlSocket.open(long, {}, { ...log, warn }), undefined);
    assert.deepEqual(lines, ["server.no-control"]);
  },
);

Deno.test(
  {
    name: "control: if accepting fails, as without descriptors, the next command is answered",
    ignore,
  },
  async () => {
    const { listen } = Deno;
    let failures = 1;
    const failing = (options: Deno.UnixListenOptions & { readonly transport: "unix" }) => {
      const listener = listen(options);
      const accept = listener.accept.bind(listener);
      listener.accept = () =>
        failures-- > 0 ? Promise.reject(new Error("Too many open files (os error 24)")) : accept();
      return listener;
    };
    Object.assign(Deno, { listen: failing });
    try {
      await withSocket(async (folder) =>
        assert.equal(await callServer(folder.path, "nothing"), null)
      );
    } finally {
      Object.assign(Deno, { listen });
    }
    assert.ok(failures < 0);
  },
);
