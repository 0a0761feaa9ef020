/** TLS after a header of the PROXY protocol: both ends of a connection find each other, also if other programs connect. */
import assert from "node:assert/strict";
import { TlsRelay } from "../../../server/listen/tls_relay.ts";
import { Authority } from "../../support/tls/certificate_authority.ts";

/** A relay, and the port that it listens on within this process. */
async function startRelay(): Promise<{ relay: TlsRelay; port: number; trusted: string }> {
  const authority = await Authority.create();
  const { certificate, key } = await authority.issue({ names: ["localhost"] });
  const { listenTls } = Deno;
  let port = 0;
  const watched: typeof listenTls = (options) => {
    const listener = listenTls(options);
    ({ port } = listener.addr);
    return listener;
  };
  Object.assign(Deno, { listenTls: watched });
  try {
    return { relay: new TlsRelay(certificate, key), port, trusted: authority.certificate };
  } finally {
    Object.assign(Deno, { listenTls });
  }
}

Deno.test("TLS relay: clients that come together get their own connections, with their addresses", async () => {
  const { relay, trusted } = await startRelay();
  using outer = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const talk = async (number: number) => {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: outer.addr.port });
    const { socket, ended } = await relay.open(await outer.accept());
    const told = Uint8Array.of(number);
    const [tls] = await Promise.all([
      Deno.startTls(client, { hostname: "localhost", caCerts: [trusted] })
        .then(async (tls) => [tls, await tls.write(told)] as const),
      (async () => {
        const heard = new Uint8Array(1);
        await socket.read(heard);
        await socket.write(heard);
      })(),
    ]);
    const heard = new Uint8Array(1);
    await tls[0].read(heard);
    tls[0].close();
    socket.close();
    await ended;
    return heard[0];
  };
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map(talk)), [1, 2, 3, 4]);
  relay.close();
});

Deno.test("attack: connections of other programs to the inner port of the relay keep no client out", async () => {
  const { relay, port } = await startRelay();
  using stack = new DisposableStack();
  for (let i = 0; i < 600; i++) {
    stack.use(await Deno.connect({ hostname: "127.0.0.1", port }));
  }
  using outer = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: outer.addr.port });
  const { socket, ended } = await relay.open(await outer.accept());
  client.close();
  socket.close();
  await ended;
  relay.close();
});
