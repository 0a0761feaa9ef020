/**
 * A trace of the messages on connections, for troubleshooting: kinds and sizes. Contents, such as keys and tokens, are
 * never traced.
 *
 * @module
 */

/** One message. */
export interface TracedMessage {
  /** The sender. */
  readonly from: "client" | "server";
  /** Its name in the protocol. */
  readonly kind: string;
  /** The code of its kind on the wire; the hello of protocol 4 has none. */
  readonly code?: number | undefined;
  /** Over protocol 4, the tag of its request. */
  readonly tag?: number;
  /** In bytes, header included. */
  readonly size: number;
}

/** Called with each message of one connection. */
export type Trace = (message: TracedMessage) => void;

/** Called for each new connection; returns its trace. */
export type Tracer = () => Trace;

/** Options with a tracer. */
export interface Traceable {
  /** Traces every connection. */
  readonly tracer?: Tracer | undefined;
}
