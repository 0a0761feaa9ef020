/**
 * An open connection, for the operator: who it is, and what it transfers.
 *
 * @module
 */
import { LiveTransfer, type TransferStart } from "./live_transfer.ts";
import {
  countFailure,
  countOutcome,
  type ProtocolNumber,
  type Traffic,
  type TransferDirection,
  type TransferOutcome,
} from "./traffic.ts";

/** The account of a connection. */
export interface LiveUser {
  /** The account's id as hexadecimal digits. */
  readonly client: string;
  readonly name: string;
}

export interface ConnectionStart {
  readonly protocol: ProtocolNumber;
  /** `HOST:PORT`. */
  readonly address: string;
  /** Ends the connection at once. Its peer does not learn the reason, but the log does. */
  readonly end: (reason: string) => void;
}

/** Files and bytes of one direction. */
export interface DirectionTotals {
  files: number;
  bytes: number;
}

/** The recipient of what connections report. */
export interface ConnectionObserver {
  readonly traffic: Traffic;
  readonly clock: () => number;
  readonly onTransferEnd: (
    connection: LiveConnection,
    transfer: LiveTransfer,
    outcome: TransferOutcome,
  ) => void;
}

export class LiveConnection {
  readonly id: string;
  readonly protocol: ProtocolNumber;
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The account, once the client has signed in. Anyone can name one over protocol 3. */
  user: LiveUser | undefined;
  readonly #transfers = new Set<LiveTransfer>();
  readonly #totals: Readonly<Record<TransferDirection, DirectionTotals>> = {
    upload: { files: 0, bytes: 0 },
    download: { files: 0, bytes: 0 },
  };
  readonly #observer: ConnectionObserver;
  readonly #end: (reason: string) => void;

  constructor(
    id: string,
    { protocol, address, end }: ConnectionStart,
    observer: ConnectionObserver,
  ) {
    this.id = id;
    this.protocol = protocol;
    this.address = address;
    this.since = observer.clock();
    this.#end = end;
    this.#observer = observer;
  }

  /** The transfers in progress, oldest first; without those of packs. */
  get transfers(): ReadonlySet<LiveTransfer> {
    return this.#transfers;
  }

  /** The files that were stored or downloaded, and all bytes. */
  total(direction: TransferDirection): Readonly<DirectionTotals> {
    return this.#totals[direction];
  }

  /** Ends the connection at once. */
  end(reason: string): void {
    this.#end(reason);
  }

  /** Begins a transfer. It must end. */
  begin(start: TransferStart): LiveTransfer {
    const { traffic, clock } = this.#observer;
    const counts = traffic.of(this.protocol, start.direction);
    const totals = this.#totals[start.direction];
    counts.started++;
    const transfer: LiveTransfer = new LiveTransfer(start, {
      since: clock(),
      counts: [counts, totals],
      onDetach: () => void this.#transfers.delete(transfer),
      onEnd: (outcome) => {
        countOutcome(counts, outcome);
        if (outcome === "completed") totals.files++;
        this.#observer.onTransferEnd(this, transfer, outcome);
      },
    });
    this.#transfers.add(transfer);
    return transfer;
  }

  /** Counts files that were transferred together. */
  count(
    direction: TransferDirection,
    { files, bytes, failed = [] }: DirectionTotals & { readonly failed?: readonly string[] },
  ): void {
    const counts = this.#observer.traffic.of(this.protocol, direction);
    const totals = this.#totals[direction];
    counts.started += files + failed.length;
    counts.completed += files;
    for (const code of failed) countFailure(counts, code);
    totals.files += files;
    for (const one of [counts, totals]) one.bytes += bytes;
  }

  /** Ends the transfers that are still in progress, because the peer has disconnected. */
  interrupt(): void {
    for (const transfer of this.#transfers) transfer.end({ code: "interrupted" });
  }
}
