/**
 * The transfers of a server in numbers, since its start.
 *
 * @module
 */

/** The protocol of a connection. */
export type ProtocolNumber = 3 | 4;
export type TransferDirection = "upload" | "download";

export const PROTOCOL_NUMBERS: readonly ProtocolNumber[] = [3, 4];
export const DIRECTIONS: readonly TransferDirection[] = ["upload", "download"];

/** All pairs of both. */
export const TRAFFIC_KINDS: readonly (readonly [ProtocolNumber, TransferDirection])[] =
  PROTOCOL_NUMBERS.flatMap((protocol) =>
    DIRECTIONS.map((direction) => [protocol, direction] as const)
  );

/** The files of one direction of one protocol. */
export interface FileCounts {
  started: number;
  /** Files that were stored or downloaded. */
  completed: number;
  /** Files that continue at any server of the catalog. */
  handedOver: number;
  /** Bytes of content, including those of files that failed. */
  bytes: number;
  /** The numbers of failed files by error code. The codes are those of the server, so that they are few. */
  readonly failed: Map<string, number>;
}

/** The files and bytes of one direction. */
export interface TrafficTotal {
  readonly completed: number;
  readonly failed: number;
  readonly bytes: number;
}

export class Traffic {
  readonly #counts = new Map<string, FileCounts>();

  constructor() {
    for (const [protocol, direction] of TRAFFIC_KINDS) {
      const counts = { started: 0, completed: 0, handedOver: 0, bytes: 0, failed: new Map() };
      this.#counts.set(`${protocol} ${direction}`, counts);
    }
  }

  of(protocol: ProtocolNumber, direction: TransferDirection): FileCounts {
    return this.#counts.get(`${protocol} ${direction}`) as FileCounts;
  }

  /** The sums of both protocols. */
  total(direction: TransferDirection): TrafficTotal {
    const total = { completed: 0, failed: 0, bytes: 0 };
    for (const protocol of PROTOCOL_NUMBERS) {
      const { completed, failed, bytes } = this.of(protocol, direction);
      total.completed += completed;
      total.bytes += bytes;
      for (const count of failed.values()) total.failed += count;
    }
    return total;
  }
}

/**
 * How a transfer ended: with the file stored or downloaded, with the file in the catalog, where any server continues it,
 * or with an error code.
 */
export type TransferOutcome = "completed" | "handed-over" | { readonly code: string };

export function countOutcome(counts: FileCounts, outcome: TransferOutcome): void {
  if (outcome === "completed") counts.completed++;
  else if (outcome === "handed-over") counts.handedOver++;
  else countFailure(counts, outcome.code);
}

/** Counts one more failure. */
export function countFailure({ failed }: FileCounts, code: string): void {
  failed.set(code, (failed.get(code) ?? 0) + 1);
}
