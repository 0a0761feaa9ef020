/** The log during a test. */
import { configure, type LogLevel, type LogRecord, reset } from "@logtape/logtape";

/** Passes every record of at least a level to `take`, instead of the previous sink. */
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

const REFUSALS = [
  ...["client.denied", "client.refused", "client.dismissed", "limit.reached"],
  ...["connection.refused", "connection.lost", "request.refused", "request.failed"],
];
const ENTRIES = ["client.logged-in", "client.registered", "client.linked", "client.claimed"];

export type Logged = Readonly<Record<string, unknown>> & { readonly event: string };

/** A server's log, to check or to wait for. */
export class ServerLog implements AsyncDisposable {
  readonly #logged: Logged[] = [];
  readonly #awaited = new Set<() => void>();

  /** Takes over the log until disposed of. */
  static async take(lowestLevel: LogLevel = "info"): Promise<ServerLog> {
    const log = new ServerLog();
    await takeLogs(lowestLevel, ({ properties }) => {
      log.#logged.push(properties as Logged);
      for (const look of log.#awaited) look();
    });
    return log;
  }

  of(...events: readonly string[]): Logged[] {
    return this.#logged.filter(({ event }) => events.includes(event));
  }

  /** The end of each client that was denied, refused or lost: `EVENT: REASON`, in order. */
  get refusals(): string[] {
    return this.of(...REFUSALS).map(({ event, reason }) => `${event}: ${reason}`);
  }

  /** The clients that signed in, registered or linked: `EVENT NAME`. */
  get entries(): string[] {
    return this.of(...ENTRIES).map(({ event, name }) => `${event} ${name}`);
  }

  /** The first lines of an event, past or future. */
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
