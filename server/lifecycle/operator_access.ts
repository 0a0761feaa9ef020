/**
 * The ways by which an operator sees and steers a running server: its HTTP port, its socket for commands, requests to all
 * servers of a catalog, and traces.
 *
 * @module
 */
import { join } from "node:path";
import { CONTROL_SOCKET } from "../../protocol/server_files.ts";
import type { AdminAddress } from "../admin/admin_address.ts";
import { type AdminSettings, loadAdmin, loadTracing } from "../admin/load_admin.ts";
import type { AdminPort } from "../admin/open_admin.ts";
import { isShared } from "../catalog/shared_catalog.ts";
import type { FileCheck } from "../check/background_check.ts";
import { clusterPageKey } from "../cluster/page_key.ts";
import { controlRequests } from "../control/control_requests.ts";
import { ControlSocket } from "../control/control_socket.ts";
import { RequestWatch } from "../control/request_watch.ts";
import type { BackgroundComparison } from "./recovery.ts";
import type { ServerOptions } from "./server_options.ts";
import type { ServerParts } from "./server_parts.ts";

/** The parts and states that only the server itself has. */
export interface ServerLife {
  readonly comparison: BackgroundComparison;
  readonly isStopping: () => boolean;
  /** Why clients are not served since other servers have removed this one. */
  readonly whyRemoved: () => string | undefined;
}

export class OperatorAccess implements AsyncDisposable {
  readonly #parts: ServerParts;
  readonly #state: ServerLife;
  readonly #requests: RequestWatch | undefined;
  #admin: AdminPort | undefined;
  #control: ControlSocket | undefined;
  #tracing: Disposable | undefined;

  /** Does what operators ask of all servers of a catalog, from now on. */
  constructor(parts: ServerParts, state: ServerLife) {
    this.#parts = parts;
    this.#state = state;
    const { store: { catalog, lease } } = parts;
    if (lease === undefined || !isShared(catalog)) return;
    this.#requests = new RequestWatch(this.#statusSource, catalog.operators);
  }

  /** Opens what the options ask for. Throws `NetworkError` `cannot-listen`, `ConfigurationError` `bad-admin-token`. */
  async open(options: ServerOptions): Promise<void> {
    this.#tracing = await loadTracing(this.#parts.context.monitor);
    if (options.admin !== undefined) this.#admin = await this.#openAdmin(options, options.admin);
    if (options.control) this.#control = await this.#openControl(options);
  }

  /** The addresses of the HTTP port. */
  get adminAddresses(): readonly AdminAddress[] {
    return this.#admin?.addresses ?? [];
  }

  /** A link to the page that works once; `undefined` without that page. */
  createAdminLink(): string | undefined {
    return this.#admin?.createLink();
  }

  /** Reads certificate and token of the HTTP port again. */
  async reload(): Promise<void> {
    await this.#admin?.reload();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tracing?.[Symbol.dispose]();
    await this.#admin?.[Symbol.asyncDispose]();
    await this.#control?.[Symbol.asyncDispose]();
    await this.#requests?.[Symbol.asyncDispose]();
  }

  /** Compares catalog and blobs, which takes moments, and then reads all files. */
  get #check(): FileCheck {
    const { check } = this.#parts;
    return {
      begin: async () => {
        this.#state.comparison.start();
        return await check.begin();
      },
      status: (maxAgeMs) => check.status(maxAgeMs),
    };
  }

  get #statusSource() {
    const { context, hooks } = this.#parts;
    return { context, hooks, check: this.#check, location: () => this.#location };
  }

  /** The line 1 of `transfer.info` for clients. */
  get #location(): string | undefined {
    const location = this.#parts.securePort?.announcement.properties["location"];
    return typeof location === "string" ? location : undefined;
  }

  async #openAdmin(options: ServerOptions, admin: AdminSettings): Promise<AdminPort> {
    const { store, identity } = this.#parts;
    const { isStopping, whyRemoved } = this.#state;
    const system = {
      ...{ ...this.#statusSource, isStopping, whyRemoved },
      name: options.name ?? hostName(),
      freeSpace: () => store.diskSpace(),
      epoch: () => store.lease?.epoch,
      settings: admin.settings ?? (() => []),
    };
    const { catalog, dataFolder = "", clusterSecret } = options;
    const links = catalog === undefined
      ? { dataFolder }
      : { key: await clusterPageKey(clusterSecret) };
    return await loadAdmin(admin, system, { identity, links });
  }

  async #openControl({ dataFolder }: ServerOptions): Promise<ControlSocket | undefined> {
    // Without a folder, everything is elsewhere.
    if (dataFolder === undefined || !(await isFolder(dataFolder))) return undefined;
    const { context, v4 } = this.#parts;
    const requests = controlRequests({
      ...this.#statusSource,
      refreshAccounts: async () => {
        context.accounts.clear();
        await v4.revocation.look();
      },
    });
    return await ControlSocket.open(join(dataFolder, CONTROL_SOCKET), requests, context.log);
  }
}

function hostName(): string {
  try {
    return Deno.hostname();
  } catch {
    // Without the permission to ask for it.
    return "";
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}
