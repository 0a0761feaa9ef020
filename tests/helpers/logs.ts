/** What is logged while a test runs. */
import { configure, type LogLevel, type LogRecord, reset } from "@logtape/logtape";

/** Hands every record of a level or above to `take`, in place of whoever had them before. */
export function takeLogs(lowestLevel: LogLevel, take: (record: LogRecord) => void): Promise<void> {
  return configure({
    reset: true,
    sinks: { test: take },
    loggers: [
      { category: ["xfer"], lowestLevel, sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["test"] },
    ],
  });
}

export type Logged = Readonly<Record<string, unknown>> & { readonly event: string };

/** What a server logs, to look at or to wait for. */
export class ServerLog implements AsyncDisposable {
  readonly #logged: Logged[] = [];
  readonly #awaited = new Set<() => void>();

  /** From now on until it is disposed of, in place of whoever had the logs before. */
  static async take(lowestLevel: LogLevel = "info"): Promise<ServerLog> {
    const log = new ServerLog();
    await takeLogs(lowestLevel, ({ properties }) => {
      log.#logged.push(properties as Logged);
      for (const look of log.#awaited) look();
    });
    return log;
  }

  /** How each of these events was explained, in order; no event means all of clients and connections. */
  of(...events: readonly string[]): Logged[] {
    return this.#logged.filter(({ event }) =>
      events.length > 0 ? events.includes(event) : /^(client|connection|key)\./.test(event)
    );
  }

  /** The first so many of an event, logged already or to come. */
  async awaits(event: string, count = 1): Promise<Logged[]> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => void (this.of(event).length >= count && resolve());
    this.#awaited.add(look);
    look();
    await promise;
    this.#awaited.delete(look);
    return this.of(event).slice(0, count);
  }

  forget(): void {
    this.#logged.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await reset();
  }
}
