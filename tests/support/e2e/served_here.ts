/** A server in the process of the tests, for commands that only need one. */
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { readIdentity } from "../../../server/listen/tls/identity.ts";
import { formatLocation } from "../../../protocol/v4/fingerprint.ts";
import { ServerProcess } from "../processes.ts";
import { startInThisThread } from "../server.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** A server, wherever it runs. */
export interface Serving extends AsyncDisposable {
  readonly port: number;
}

export interface ServedHere extends Serving {
  /** The xfer:// line of the server, for line 1 of transfer.info. */
  readonly location: string;
}

/** Starts a server with the default settings. With `XFER_BIN`, it is a process of that executable. */
export async function serveHere(dataFolder: string): Promise<ServedHere> {
  if (Deno.env.has("XFER_BIN")) {
    const server = await ServerProcess.start(dataFolder);
    const { location } = await server.logged("server.listening-securely");
    return {
      ...{ port: server.port, location: `${location}` },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }
  const { historyMs } = DEFAULT_LIMITS;
  const server = await startInThisThread({
    ...{ listen: [LOOPBACK], tlsListen: LOOPBACK, dataFolder, limits: { historyMs } },
  });
  const { fingerprint } = await readIdentity(dataFolder);
  const [plain = LOOPBACK] = server.addresses;
  return {
    ...{
      port: plain.port,
      location: formatLocation({ address: plain, secure: true, fingerprint }),
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
