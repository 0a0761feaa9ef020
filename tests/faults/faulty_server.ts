/**
 * A server that kills itself at one of its calls to file system and database. Takes a {@link FaultyServerOptions} as
 * JSON, prints the port of protocol 3, and stops when its standard input ends.
 */
import { Server } from "../../server/server.ts";
import { type Fault, FaultySystem } from "../support/store/faulty_file_system.ts";

export interface FaultyServerOptions {
  readonly dataFolder: string;
  /** The offset of its clock, in milliseconds. */
  readonly aheadMs: number;
  /** Whether it also serves protocol 4. */
  readonly secure: boolean;
  readonly kill?: {
    /** The number of the call. */
    readonly at: number;
    readonly when: (Fault & { type: "kill" })["when"];
  };
}

if (import.meta.main) {
  const options = JSON.parse(Deno.args[0] ?? "{}") as FaultyServerOptions;
  const { dataFolder, aheadMs, secure, kill } = options;
  const loopback = { hostname: "127.0.0.1", port: 0 };
  const system = new FaultySystem();
  system.plan = ({ number }) => number === kill?.at ? { type: "kill", when: kill.when } : undefined;
  {
    await using server = await Server.start({
      listen: [loopback],
      ...(secure ? { tlsListen: loopback } : {}),
      dataFolder,
      // Packs then have contents of both kinds.
      limits: { inlineSize: 16 * 1024 },
      clock: () => Date.now() + aheadMs,
      ticks: () => Date.now() + aheadMs,
      fileSystem: system.fileSystem,
      openCatalog: system.openCatalog,
    });
    console.log(server.address.port);
    await Deno.stdin.readable.pipeTo(new WritableStream());
  }
}
