/**
 * Events about the health of a running server.
 *
 * @module
 */
import { defineEvent, flag, number, optional, text, time } from "./definition.ts";

export const HEALTH_EVENTS = {
  "admin-link": defineEvent({
    kind: "result",
    what: "A link to the operator's page, by `xfer server admin-link`.",
    fields: {
      url: text("the link, which is good once"),
      expires: time("time until which it is good"),
    },
    words: ({ url }) => url,
    note: () => "The link is good once, within ten minutes.",
  }),
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
