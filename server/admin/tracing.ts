/**
 * Spans of connections and transfers, which Deno exports if the variable `OTEL_DENO` says so. It is loaded only then.
 *
 * @module
 */
import { type Context, context, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { LiveConnection } from "../monitor/live_connection.ts";
import type { Monitor } from "../monitor/monitor.ts";

/** Begins a span for each connection, and within it one for each transfer. */
export function traceMonitor(monitor: Monitor): Disposable {
  const tracer = trace.getTracer("xfer");
  const spans = new Map<LiveConnection, { readonly span: Span; readonly inside: Context }>();
  return monitor.observe({
    connected(connection) {
      const { protocol, address, id } = connection;
      const span = tracer.startSpan("connection", {
        attributes: {
          "network.protocol.name": "xfer",
          "network.protocol.version": `${protocol}`,
          "client.address": address,
          "xfer.connection": id,
        },
      });
      spans.set(connection, { span, inside: trace.setSpan(context.active(), span) });
    },
    disconnected(connection) {
      const span = spans.get(connection)?.span;
      spans.delete(connection);
      const { user } = connection;
      if (user !== undefined) span?.setAttribute("user.name", user.name);
      span?.end();
    },
    transferEnded(connection, { direction, file, bytes, since }, outcome) {
      const { user } = connection;
      const span = tracer.startSpan(direction, {
        startTime: since,
        attributes: {
          "file.path": file,
          "xfer.bytes": bytes,
          ...(user === undefined ? {} : { "user.name": user.name }),
        },
      }, spans.get(connection)?.inside);
      if (typeof outcome === "object") {
        span.setAttribute("error.type", outcome.code);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  });
}
