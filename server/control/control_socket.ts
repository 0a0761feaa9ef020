/**
 * The socket through which the operator's commands ask a running server: one line of JSON with a request, and one with
 * the answer. It is in the data folder, which only the server's user can open.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { reasonOf } from "../../protocol/errors.ts";
import { pause } from "../check/pause.ts";
import { removeIfThere } from "../fs/file_system.ts";
import type { Log } from "../limits/server_log.ts";
import { closeSocket } from "../listen/close_socket.ts";
import { readLine, writeLine } from "./lines.ts";

/** Arguments of a request. Their values come from another program of the same user. */
export type ControlArguments = Readonly<Record<string, unknown>>;

/** Answers a request. The result must be JSON. */
export type ControlHandler = (given: ControlArguments) => unknown;

/** The handlers by request. */
export type ControlRequests = Readonly<Record<string, ControlHandler>>;

/** The most connections at a time. More wait in the queue of the system. */
const MAX_CONNECTIONS = 16;
/** The pause after accepting has failed, as without descriptors, in milliseconds. */
const ACCEPT_RETRY_MS = 100;
/** The time for a request to arrive, and for its answer to be read, in milliseconds. */
const TIMEOUT_MS = 10_000;

export class ControlSocket implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  readonly #path: string;
  readonly #requests: ControlRequests;
  readonly #serving: Promise<void>;
  readonly #open = new Set<Deno.UnixConn>();
  readonly #ended = new AbortController();

  private constructor(listener: Deno.UnixListener, path: string, requests: ControlRequests) {
    this.#listener = listener;
    this.#path = path;
    this.#requests = requests;
    this.#serving = this.#serve();
  }

  /**
   * Opens the socket in a folder that only this server uses. Returns `undefined` if it cannot, as on systems without such
   * sockets: then the server runs without, and logs why.
   */
  static async open(
    path: string,
    requests: ControlRequests,
    log: Log,
  ): Promise<ControlSocket | undefined> {
    try {
      await removeIfThere(Deno, path);
      const listener = Deno.listen({ transport: "unix", path });
      await Deno.chmod(path, 0o600);
      return new ControlSocket(listener, path, requests);
    } catch (error) {
      log.warn("Commands cannot reach this server while it runs: {reason}", {
        event: "server.no-control",
        ...{ path: printable(path), reason: printable(reasonOf(error)) },
      });
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#listener.close();
    for (const connection of this.#open) closeSocket(connection);
    await this.#serving;
    await removeIfThere(Deno, this.#path).catch(() => undefined);
  }

  async #serve(): Promise<void> {
    const answering = new Set<Promise<void>>();
    for (;;) {
      const connection = await this.#accept();
      if (connection === undefined) break;
      this.#open.add(connection);
      const one: Promise<void> = this.#answer(connection).finally(() => answering.delete(one));
      answering.add(one);
      if (answering.size >= MAX_CONNECTIONS) await Promise.race(answering);
    }
    await Promise.all(answering);
  }

  /** The next connection; `undefined` if the socket is closed. Never rejects: clients can take all descriptors. */
  async #accept(): Promise<Deno.UnixConn | undefined> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        return await this.#listener.accept();
      } catch {
        await pause(ACCEPT_RETRY_MS, signal);
      }
    }
    return undefined;
  }

  /** Never rejects. */
  async #answer(connection: Deno.UnixConn): Promise<void> {
    const id = setTimeout(() => closeSocket(connection), TIMEOUT_MS);
    try {
      const line = await readLine(connection);
      if (line !== undefined) await writeLine(connection, JSON.stringify(await this.#run(line)));
    } catch {
      // The command has ended.
    } finally {
      clearTimeout(id);
      closeSocket(connection);
      this.#open.delete(connection);
    }
  }

  async #run(line: string): Promise<unknown> {
    try {
      const { request, ...given } = JSON.parse(line) as ControlArguments;
      const known = typeof request === "string" && Object.hasOwn(this.#requests, request);
      if (!known) return { error: `unknown request ${printable(String(request))}` };
      return { result: await this.#requests[request]?.(given) ?? null };
    } catch (error) {
      return { error: printable(reasonOf(error)) };
    }
  }
}
