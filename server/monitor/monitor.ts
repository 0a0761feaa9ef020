/**
 * What is going on in a server: its connections and transfers, their numbers since the start, and its events. Metrics,
 * the operator's page and commands read it.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { EventStream } from "./event_stream.ts";
import { type ConnectionStart, LiveConnection } from "./live_connection.ts";
import type { LiveTransfer } from "./live_transfer.ts";
import { type ProtocolNumber, Traffic, type TransferOutcome } from "./traffic.ts";

/** Bytes of an id. It is unlikely to be that of an earlier connection, which an operator has in mind. */
const ID_SIZE = 4;

/** Hears at once of connections and transfers. Its methods must not throw or take long. */
export interface MonitorListener {
  connected?(connection: LiveConnection): void;
  disconnected?(connection: LiveConnection): void;
  transferEnded?(
    connection: LiveConnection,
    transfer: LiveTransfer,
    outcome: TransferOutcome,
  ): void;
}

export class Monitor {
  readonly events: EventStream;
  readonly traffic: Traffic = new Traffic();
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly #clock: () => number;
  readonly #connections = new Map<string, LiveConnection>();
  readonly #accepted: Record<ProtocolNumber, number> = { 3: 0, 4: 0 };
  readonly #listeners = new Set<MonitorListener>();

  /** `clock`: milliseconds since the epoch. */
  constructor(clock: () => number, events: EventStream = new EventStream()) {
    this.events = events;
    this.#clock = clock;
    this.startedAt = clock();
  }

  /** The open connections by id, oldest first. */
  get connections(): ReadonlyMap<string, LiveConnection> {
    return this.#connections;
  }

  /** The number of connections of a protocol since the start. */
  accepted(protocol: ProtocolNumber): number {
    return this.#accepted[protocol];
  }

  /** A connection that {@link connect} can add. */
  describe(start: ConnectionStart): LiveConnection {
    return new LiveConnection(this.#freeId(), start, {
      traffic: this.traffic,
      clock: this.#clock,
      onTransferEnd: (...ended) => {
        for (const listener of this.#listeners) listener.transferEnded?.(...ended);
      },
    });
  }

  /** Adds a connection until the result is disposed of. That also ends its transfers. */
  connect(connection: LiveConnection): Disposable {
    this.#connections.set(connection.id, connection);
    this.#accepted[connection.protocol]++;
    for (const listener of this.#listeners) listener.connected?.(connection);
    return {
      [Symbol.dispose]: () => {
        connection.interrupt();
        this.#connections.delete(connection.id);
        for (const listener of this.#listeners) listener.disconnected?.(connection);
      },
    };
  }

  /** Calls `listener` until the result is disposed of. */
  observe(listener: MonitorListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #freeId(): string {
    for (;;) {
      const id = toHex(crypto.getRandomValues(new Uint8Array(ID_SIZE)));
      if (!this.#connections.has(id)) return id;
    }
  }
}
