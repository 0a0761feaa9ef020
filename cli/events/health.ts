/**
 * Events about the health of a running server.
 *
 * @module
 */
import { defineEvent, flag, number, optional, text } from "./definition.ts";

export const HEALTH_EVENTS = {
  "health-check": defineEvent({
    kind: "result",
    what: "A check of the running server, by `xfer server health`.",
    fields: {
      check: text("what was checked: catalog, store, space, cluster or running"),
      ok: flag("whether it succeeded"),
      ms: number("time of the check in milliseconds"),
      reason: optional(text("why it failed")),
    },
    words: ({ check, ok, ms, reason = "" }) =>
      ok ? `${check}: ok (${Math.round(ms)} ms)` : `${check}: failed: ${reason}`,
  }),
};
