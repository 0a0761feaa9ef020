import { FaultyProxy } from "../net/faulty_proxy.ts";
import type { TestDatabase } from "./postgres.ts";

/** A database at a TCP port, until the scope that holds it ends. */
export interface ReachableDatabase extends AsyncDisposable {
  readonly port: number;
  /** For `--catalog`. */
  readonly url: string;
}

/** Makes a database reachable over TCP, for the executable, which may not use files in /dev, and for proxies. */
export async function reachable({ options }: TestDatabase): Promise<ReachableDatabase> {
  const { host, port: socket, user, database } = options;
  const relay = await FaultyProxy.start({ path: `${host}/.s.PGSQL.${socket}` });
  const { port } = relay.address;
  return {
    port,
    url: `postgres://${user}@127.0.0.1:${port}/${database}?sslmode=disable`,
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}
