/**
 * Watching what is said on connections, for who looks for a fault: which messages, and how large they are. What they
 * carry, keys and tokens among it, is not told.
 *
 * @module
 */
export interface TracedMessage {
  readonly from: "client" | "server";
  /** What the protocol calls the message. */
  readonly kind: string;
  /** The number that stands for the kind in its header; the hello of protocol 4 has none. */
  readonly code?: number | undefined;
  /** Of the request that it belongs to, by protocol 4. */
  readonly tag?: number;
  /** Bytes, the header's included. */
  readonly size: number;
}

export type Trace = (message: TracedMessage) => void;

/** Is called for each connection that is made, and returns what is told of it. */
export type Tracer = () => Trace;

export interface Traceable {
  readonly tracer?: Tracer | undefined;
}
