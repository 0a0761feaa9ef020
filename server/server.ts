/**
 * A server: listens, serves connections of both protocols, and removes what has expired.
 *
 * @module
 */
import type { Address } from "../protocol/address.ts";
import { reasonOf } from "../protocol/errors.ts";
import type { AdminAddress } from "./admin/admin_address.ts";
import { Housekeeping } from "./lifecycle/housekeeping.ts";
import { Membership } from "./lifecycle/membership.ts";
import { OperatorAccess } from "./lifecycle/operator_access.ts";
import { BackgroundComparison } from "./lifecycle/recovery.ts";
import type { ServerOptions } from "./lifecycle/server_options.ts";
import { openParts, type ServerParts } from "./lifecycle/server_parts.ts";
import { warnOfCertificate } from "./lifecycle/start_warnings.ts";
import type { SettingChanges } from "./limits/live_settings.ts";
import { Connections } from "./listen/connections.ts";
import type { AcceptedSocket, OpenConnection } from "./listen/listeners.ts";
import type { Monitor } from "./monitor/monitor.ts";
import { V3Connection } from "./v3/connection.ts";
import { closeV3 } from "./v3/context.ts";
import { V4Connection } from "./v4/connection.ts";

/**
 * A running server. It logs through LogTape, category `xfer.server`; without a LogTape configuration nothing is printed.
 *
 * @example Change settings while it runs
 * ```ts
 * import assert from "node:assert/strict";
 * import { Server } from "@xfer/xfer";
 *
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   dataFolder: await Deno.makeTempDir(),
 *   limits: { quota: 10 * 2 ** 30 },
 * });
 * assert.notEqual(server.address.port, 0);
 * await server.reload({ registration: "closed", limits: { quota: 20 * 2 ** 30 } });
 * ```
 */
export class Server implements AsyncDisposable {
  readonly #parts: ServerParts;
  readonly #connections: Connections;
  readonly #housekeeping: Housekeeping;
  readonly #comparison: BackgroundComparison;
  readonly #operators: OperatorAccess;
  #closing: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();

  /** Serves from now on. */
  private constructor(parts: ServerParts, everyMs: number | undefined) {
    this.#parts = parts;
    const { context, v3, v4, check, log, listeners, store: { lease } } = parts;
    this.#housekeeping = new Housekeeping({ context, v3, v4, check, lease, log, everyMs });
    this.#comparison = new BackgroundComparison(context);
    if (context.isHousekeeper()) this.#comparison.start();
    check.start();
    const { limits } = context;
    this.#connections = new Connections(listeners, { limits, log, open: openerOf(parts) });
    const membership = new Membership(this.#connections, v3, log);
    lease?.onLost(membership);
    this.#operators = new OperatorAccess(parts, {
      comparison: this.#comparison,
      isStopping: () => this.#closing !== undefined,
      whyRemoved: () => membership.whyRemoved,
    });
  }

  /**
   * Starts a server. Resolves when it listens. Throws `ConfigurationError` `data-folder-in-use`, `not-a-data-folder`,
   * `data-folder-unusable`, `catalog-empty`, `bad-tls-certificate`, `bad-tls-key`, `bad-admin-token`, `bad-hook-url`,
   * `bad-hook-secret`; `IntegrityError` `catalog-damaged`; `NetworkError` `cannot-listen`; `RangeError` for a limit and
   * `TypeError` for an option that only a mistake of the calling program can give.
   */
  static async start(options: ServerOptions): Promise<Server> {
    const server = new Server(await openParts(options), options.housekeepingMs);
    try {
      await server.#operators.open(options);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** The addresses of the operator's HTTP port. */
  get adminAddresses(): readonly AdminAddress[] {
    return this.#operators.adminAddresses;
  }

  /** A link to the operator's page that works once; `undefined` without that page. */
  createAdminLink(): string | undefined {
    return this.#operators.createAdminLink();
  }

  /**
   * The open connections and transfers, their numbers and events.
   *
   * @internal
   */
  get monitor(): Monitor {
    return this.#parts.context.monitor;
  }

  /** All addresses on which the server listens, in the order of `listen`. That of protocol 4 comes last. */
  get addresses(): Address[] {
    return this.#parts.listeners.map(({ address }) => address);
  }

  /** The first address on which the server listens. */
  get address(): Address {
    return this.addresses[0] as Address;
  }

  /**
   * Changes settings at once, for open connections too; only a wait that has begun keeps its old limit. Then reads
   * certificate and key again, for new connections, and the files of `admin` and `hook`; what is not valid stays as it
   * was. Logs the result. Throws as {@link Server.start} does.
   */
  async reload(changes: SettingChanges = {}): Promise<void> {
    const { settings, log } = this.#parts;
    settings.change(changes);
    const failures: unknown[] = [];
    const files: readonly [what: string, reload: () => Promise<void>][] = [
      ["certificate and key", () => this.#reloadIdentity()],
      ["certificate and token of the operator's port", () => this.#operators.reload()],
      ["the secrets of hooks", () => this.#reloadSecrets()],
    ];
    for (const [what, reload] of files) {
      try {
        await reload();
      } catch (error) {
        failures.push(error);
        log.error("Could not reload {what}: {reason}", {
          event: "server.not-reloaded",
          ...{ what, reason: reasonOf(error) },
        });
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Stops listening, waits up to `graceMs` milliseconds for uploads and downloads in progress, closes every connection and
   * the data folder.
   */
  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  /** Resolves when the server has closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Closes without waiting for transfers. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #reloadIdentity(): Promise<void> {
    const { log, securePort } = this.#parts;
    if (securePort === undefined) return;
    if (!(await securePort.reload())) {
      return log.info("Certificate and key are unchanged", { event: "server.unchanged" });
    }
    const { words, link = "", properties } = securePort.announcement;
    log.info(`Reloaded certificate and key. ${words}${link}`, {
      ...properties,
      event: "server.reloaded",
    });
    warnOfCertificate(securePort.identity, log);
  }

  async #reloadSecrets(): Promise<void> {
    const { log, hooks } = this.#parts;
    if (!(await hooks?.reload())) return;
    log.info("Reloaded the secrets of hooks", { event: "server.reloaded" });
  }

  async #close(graceMs: number): Promise<void> {
    const { context, v3, check, hooks, store, log } = this.#parts;
    // An object store that does not answer must not keep the server from closing its ports.
    const reading = Promise.all([this.#comparison.close(), check.close()]);
    await this.#connections.stopListening();
    const until = new Date(context.clock() + graceMs).toISOString();
    log.info(
      "Stopping: waiting until {until} for open connections ({connections})",
      { event: "server.stopping", connections: this.#connections.size, until },
    );
    await this.#connections.finish(graceMs);
    await reading;
    await closeV3(v3);
    await context.garbage.close();
    await this.#housekeeping.close();
    await hooks?.[Symbol.asyncDispose]();
    await this.#operators[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    log.flush();
    log.info("Stopped", { event: "server.stopped" });
    this.#closed.resolve();
  }
}

/** Opens connections of both protocols. Those of protocol 3 are numbered. */
function openerOf(
  { v3, v4 }: Pick<ServerParts, "v3" | "v4">,
): (arrival: AcceptedSocket) => OpenConnection {
  let number = 0;
  return (arrival) => {
    switch (arrival.protocol) {
      case 3:
        return new V3Connection(v3, arrival.socket, ++number, arrival.editions);
      case 4:
        return new V4Connection(v4, arrival.socket, arrival.identity);
    }
  };
}
