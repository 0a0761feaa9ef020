/**
 * A server: listens, serves every connection, and keeps house.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import {
  type Address,
  DEFAULT_SERVED,
  type Edition,
  formatAddress,
  NetworkError,
} from "../protocol/mod.ts";
import { Connection } from "./connection.ts";
import { type Context, createContext } from "./context.ts";
import { type Entropy, systemEntropy } from "./entropy.ts";
import { removeOrphan } from "./handlers.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { DataFolder, type OpenCatalog, usable } from "./store/data_folder.ts";
import type { FileSystem } from "./store/file_system.ts";

/** An address; port 0 takes any free one. */
export interface Listen extends Address {
  /** The editions served there; {@link DEFAULT_SERVED} without. */
  readonly editions?: readonly Edition[];
}

export interface ServerOptions {
  /** Where to listen; at least one address. */
  readonly listen: readonly Listen[];
  /** The folder that keeps everything; made where it is missing. */
  readonly dataFolder: string;
  readonly limits?: Partial<Limits>;
  readonly entropy?: Entropy;
  readonly clock?: () => number;
  readonly fileSystem?: FileSystem;
  readonly openCatalog?: OpenCatalog;
}

/** How often what has expired is looked for, in milliseconds. */
const HOUSEKEEPING_MS = 60_000;
/** A pause where nothing can be accepted for want of descriptors or memory, so that waiting is no busy loop. */
const ACCEPT_RETRY_MS = 100;
const EXHAUSTED: readonly unknown[] = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

export class Server implements AsyncDisposable {
  readonly #context: Context;
  readonly #folder: DataFolder;
  readonly #listeners: readonly Listener[];
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #housekeeping: ReturnType<typeof setInterval>;
  readonly #accepting: Promise<unknown>;
  #connectionNumber = 0;
  #closing: Promise<void> | undefined;

  private constructor(context: Context, folder: DataFolder, listeners: readonly Listener[]) {
    this.#context = context;
    this.#folder = folder;
    this.#listeners = listeners;
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    this.#accepting = Promise.all(listeners.map((listener) => this.#accept(listener)));
  }

  /**
   * Starts a server. Resolves when it listens. Throws `ConfigurationError` for a data folder that can't be used,
   * `NetworkError` `cannot-listen` for an address that can't.
   */
  static async start(options: ServerOptions): Promise<Server> {
    const { limits, entropy = systemEntropy, clock = Date.now, fileSystem = Deno } = options;
    const folder = await DataFolder.openToServe(
      options.dataFolder,
      fileSystem,
      options.openCatalog,
    );
    try {
      const context = createContext({
        store: folder,
        limits: { ...DEFAULT_LIMITS, ...limits },
        entropy,
        clock,
        log: getLogger(["xfer", "server"]),
      });
      await usable(folder.path, () => removeLeftovers(context));
      const listeners = listenAll(options.listen);
      for (const { socket, editions } of listeners) {
        context.log.info("Listening on {address} for editions {editions}, data in {folder}", {
          event: "server.listening",
          address: formatAddress(socket.addr),
          port: socket.addr.port,
          editions: editions.map(({ name }) => name).join(", "),
          folder: folder.path,
        });
      }
      return new Server(context, folder, listeners);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where it listens, in the order of the options. */
  get addresses(): Address[] {
    return this.#listeners.map(({ socket }) => {
      const { hostname, port } = socket.addr;
      return { hostname, port };
    });
  }

  /** The first address where it listens. */
  get address(): Address {
    return this.addresses[0] as Address;
  }

  /** Stops listening, ends every connection and closes the data folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#housekeeping);
    for (const { socket } of this.#listeners) socket.close();
    await this.#accepting;
    for (const connection of this.#connections.keys()) connection.close("the server stops");
    await Promise.all(this.#connections.values());
    await this.#context.unverified.expire(Infinity);
    await this.#context.parked.expire(Infinity);
    await this.#folder[Symbol.asyncDispose]();
    this.#context.log.info("Stopped", { event: "server.stopped" });
  }

  async #accept({ socket, editions }: Listener): Promise<void> {
    while (this.#closing === undefined) {
      try {
        this.#serve(await socket.accept(), editions);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        const exhausted = isExhausted(error);
        this.#context.log[exhausted ? "error" : "info"]("Could not accept a connection: {reason}", {
          event: "connection.not-accepted",
          reason: String(error),
        });
        if (exhausted) await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }

  #serve(socket: Deno.TcpConn, editions: readonly Edition[]): void {
    const { limits, log } = this.#context;
    if (this.#connections.size >= limits.maxConnections) {
      socket.close();
      log.warn("Turned a connection away: {limit} are open", {
        event: "limit.reached",
        name: "maxConnections",
        limit: limits.maxConnections,
      });
      return;
    }
    socket.setNoDelay();
    const number = ++this.#connectionNumber;
    const connection = new Connection(this.#context, socket, number, editions);
    const served = connection.serve().finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, served);
  }

  async #keepHouse(): Promise<void> {
    const { limits, clock, sessions, reservations, store } = this.#context;
    for (const table of [sessions, reservations]) table.sweep();
    try {
      await store.catalog.expireRegistrations(clock() - limits.registrationTtlMs);
      const before = clock() - limits.unverifiedTtlMs;
      await this.#context.unverified.expire(before);
      await this.#context.parked.expire(before);
    } catch (error) {
      this.#context.log.error("Could not drop what was never confirmed: {reason}", {
        event: "housekeeping.failed",
        reason: String(error),
      });
    }
  }
}

/** Whether the machine is out of something; any other failure is that of one peer, which is gone already. */
function isExhausted(error: unknown): boolean {
  return error instanceof Error && "code" in error && EXHAUSTED.includes(error.code);
}

interface Listener {
  readonly socket: Deno.TcpListener;
  readonly editions: readonly Edition[];
}

/** Listens everywhere or nowhere. */
function listenAll(addresses: readonly Listen[]): Listener[] {
  const listeners: Listener[] = [];
  try {
    for (const { editions = DEFAULT_SERVED, ...address } of addresses) {
      listeners.push({ socket: listen(address), editions });
    }
    return listeners;
  } catch (error) {
    for (const { socket } of listeners) socket.close();
    throw error;
  }
}

function listen(address: Address): Deno.TcpListener {
  try {
    return Deno.listen(address);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetworkError(
      "cannot-listen",
      `Cannot listen on ${formatAddress(address)}: ${reason}`,
      { hint: "Name another address: --listen HOST:PORT.", cause },
    );
  }
}

/** Removes what a server that was killed left behind. */
async function removeLeftovers(context: Context): Promise<void> {
  const staged = await context.store.blobs.sweep();
  const orphans = await context.store.catalog.listOrphans();
  for (const path of orphans) await removeOrphan(context, path);
  if (staged + orphans.length > 0) {
    context.log.warn("Removed what was left of {count} uploads that never were confirmed", {
      event: "store.swept",
      count: staged + orphans.length,
    });
  }
}
