import { SocketRelay } from "../net/socket_relay.ts";
import type { TestDatabase } from "./postgres.ts";

/** A database at a TCP port, until the scope that holds it ends. */
export interface ReachableDatabase extends AsyncDisposable {
  readonly port: number;
  /** For `--catalog`. */
  readonly url: string;
}

/** Makes a database reachable over TCP, for the executable, which may not use files in /dev, and for proxies. */
export function reachable({ options }: TestDatabase): ReachableDatabase {
  const { host, port, user, database } = options;
  const relay = new SocketRelay(`${host}/.s.PGSQL.${port}`);
  return {
    port: relay.port,
    url: `postgres://${user}@127.0.0.1:${relay.port}/${database}?sslmode=disable`,
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}
