/**
 * The live part of the overview: its state, and the stream of it.
 *
 * @module
 */
import { streamSSE } from "hono/streaming";
import { whenAborted } from "../../../protocol/abort.ts";
import { CHECK_FRESH_MS } from "../admin_system.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { type LiveState, liveView } from "./live_view.ts";
import type { OperatorStore } from "./operator_store.ts";
import type { PageParts, PageRequest } from "./page_parts.ts";

/** The interval of the live part, and the most browsers that get it, each with a copy of it in memory. */
const LIVE_MS = 2000;
const MAX_LIVE = 8;
/** The newest events on the overview. */
const FEW_EVENTS = 12;

/** Answers with the live part, again and again. */
export function liveStream(
  parts: PageParts,
  store: OperatorStore,
): (c: PageRequest) => Response {
  const { sessions } = parts;
  let live = 0;
  return (c) => {
    // Nobody would read the stream, so that it would never end.
    if (c.req.method === "HEAD") return c.body(null);
    if (live >= MAX_LIVE) return c.text("Too many pages are open\n", 503);
    live++;
    const session = c.get("session");
    return streamSSE(c, async (stream) => {
      const ended = Promise.withResolvers<void>();
      stream.onAbort(() => ended.resolve());
      using _signedOut = whenAborted(session.ended, ended.resolve);
      try {
        while (!stream.aborted && !stream.closed) {
          if (!sessions.isOpen(session)) {
            await stream.writeSSE({ event: "ended", data: "" });
            return;
          }
          const data = `${await liveView(await liveState(parts, store, session))}`;
          await stream.writeSSE({ event: "live", data });
          const timer = Promise.withResolvers<void>();
          const id = setTimeout(timer.resolve, LIVE_MS);
          await Promise.race([timer.promise, ended.promise]);
          clearTimeout(id);
        }
      } finally {
        live--;
      }
    });
  };
}

export async function liveState(
  { system, health, totals, throughput, events }: PageParts,
  store: OperatorStore,
  session: AdminSession,
): Promise<LiveState> {
  const [report, counted, free, servers, check, hooks] = await Promise.all([
    health.report(),
    totals.read().catch(() => undefined),
    system.freeSpace().catch(() => 0),
    store.servers().catch(() => []),
    system.check.status(CHECK_FRESH_MS).catch(() => undefined),
    system.hooks?.report().catch(() => undefined),
  ]);
  return {
    ...{ system, session, throughput, free, servers, check, hooks },
    ...{ health: report, totals: counted },
    events: events.find({ limit: FEW_EVENTS }),
  };
}
