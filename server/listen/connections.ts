/**
 * The open connections of a server: accepts peers, up to the limits, until it stops.
 *
 * @module
 */
import { addressKey } from "../limits/client_address.ts";
import { LimitError, type LimitName, type Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import type { AcceptedSocket, Listener, OpenConnection } from "./listeners.ts";
import { RejectedConnections } from "./rejected_connections.ts";

/**
 * The pause after accepting failed for want of descriptors or memory, in milliseconds. It keeps the loop from spinning.
 */
const ACCEPT_RETRY_MS = 100;
const EXHAUSTED: readonly unknown[] = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

export interface ConnectionsOptions {
  /** They can change at any time. */
  readonly limits: Limits;
  readonly log: Log;
  /** The connection of a peer that was accepted. */
  readonly open: (arrival: AcceptedSocket) => OpenConnection;
}

export class Connections {
  readonly #listeners: readonly Listener[];
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<OpenConnection, Promise<void>>();
  readonly #rejected = new RejectedConnections();
  /** The number of connections of each address. */
  readonly #origins = new Map<string, number>();
  readonly #accepting: Promise<unknown>;
  #isStopping = false;
  /** Why no peer is served, while none is. */
  #suspendedFor: string | undefined;

  /** Accepts peers from now on. */
  constructor(listeners: readonly Listener[], options: ConnectionsOptions) {
    this.#listeners = listeners;
    this.#options = options;
    this.#accepting = Promise.all(listeners.map((listener) => this.#accept(listener)));
  }

  /** The number of connections that are served. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether no peer is served for now. */
  get isSuspended(): boolean {
    return this.#suspendedFor !== undefined;
  }

  /**
   * Closes all connections at once, and later ones until {@link resume}, for this reason. Resolves when they have
   * ended.
   */
  async suspend(reason: string): Promise<void> {
    this.#suspendedFor = reason;
    this.#closeAll(reason);
    await this.#ended();
  }

  /** Serves peers again. */
  resume(): void {
    this.#suspendedFor = undefined;
  }

  /** Stops listening. Resolves when no further peer is accepted. */
  async stopListening(): Promise<void> {
    this.#isStopping = true;
    for (const listener of this.#listeners) listener.close();
    await this.#accepting;
  }

  /** Ends all connections, those with transfers in progress after `graceMs` milliseconds. Resolves when they have ended. */
  async finish(graceMs: number): Promise<void> {
    for (const connection of this.#open.keys()) connection.finish();
    await this.#rejected.close();
    const id = setTimeout(() => this.#closeAll("the server is stopping"), graceMs);
    await this.#ended();
    clearTimeout(id);
  }

  #closeAll(reason: string): void {
    for (const connection of this.#open.keys()) connection.close(reason);
  }

  async #ended(): Promise<void> {
    await Promise.all(this.#open.values());
  }

  async #accept(listener: Listener): Promise<void> {
    while (!this.#isStopping) {
      try {
        this.#serve(await listener.accept());
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        const exhausted = isExhausted(error);
        this.#options.log[exhausted ? "error" : "debug"](
          "Could not accept a connection: {reason}",
          {
            event: "connection.not-accepted",
            reason: String(error),
          },
        );
        if (exhausted) await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }

  #serve(arrival: AcceptedSocket): void {
    const connection = this.#options.open(arrival);
    if (this.#suspendedFor !== undefined) return connection.close(this.#suspendedFor);
    const origin = addressKey(arrival.socket.remoteAddr.hostname);
    const full = this.#fullFor(origin);
    if (full !== undefined) return this.#rejected.rejectBusy(connection, full);
    this.#countOrigin(origin, 1);
    const ended = "ended" in arrival ? arrival.ended : undefined;
    const served = connection.serve().then(() => ended).finally(() => {
      this.#open.delete(connection);
      this.#countOrigin(origin, -1);
    });
    this.#open.set(connection, served);
  }

  /** The limit that forbids another connection, if one does. */
  #fullFor(origin: string): LimitError | undefined {
    const counts: readonly [LimitName, number][] = [
      ["maxConnections", this.#open.size],
      ["maxConnectionsPerAddress", this.#origins.get(origin) ?? 0],
    ];
    const { limits } = this.#options;
    const full = counts.find(([limit, count]) => count >= limits[limit]);
    return full && new LimitError(full[0], limits[full[0]]);
  }

  #countOrigin(origin: string, change: 1 | -1): void {
    const count = (this.#origins.get(origin) ?? 0) + change;
    if (count > 0) this.#origins.set(origin, count);
    else this.#origins.delete(origin);
  }
}

/**
 * Whether the machine has run out of descriptors or memory. Any other failure concerns one peer, which is already gone.
 */
function isExhausted(error: unknown): boolean {
  return error instanceof Error && "code" in error && EXHAUSTED.includes(error.code);
}
