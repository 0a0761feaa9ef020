/**
 * Events about a running server.
 *
 * @module
 */
import { plural } from "../text/format.ts";
import type { Presentation } from "../text/presentation.ts";
import { changed } from "./changed.ts";
import {
  count,
  defineEvent,
  flag,
  list,
  number,
  oneOf,
  optional,
  record,
  text,
  time,
  type Values,
} from "./definition.ts";
import { CHECK_EVENTS, summaryFields, summaryWords } from "./stored_check.ts";

const trafficFields = {
  open: count("number of files in progress"),
  ...{ files: count("number of completed files"), failed: count("number of failed files") },
  ...{ bytes: count("number of bytes"), rate: count("bytes per second at the moment") },
};
const transferFields = {
  direction: oneOf(["upload", "download"], "direction, as the client sees it"),
  file: text("name of the file"),
  size: optional(count("size in bytes, if it is known")),
  progress: count("number of bytes that have arrived"),
  rate: count("bytes per second since it began"),
  since: time("time at which the transfer began"),
};

const server = optional(text("name of the server, if several can share the catalog"));
const hooksFields = {
  waiting: count("number of events that wait for the receiver"),
  dead: count("number of events that the server has given up on"),
  delivered: count("number of events that the receiver has accepted since the start"),
  failed: count("number of failed deliveries since the start"),
  dropped: count("number of events that a full queue has dropped since the start"),
  oldest: optional(time("time at which the oldest waiting event was queued")),
};

export const RUNNING_SERVER_EVENTS = {
  ...CHECK_EVENTS,
  "server-status": defineEvent({
    kind: "result",
    what: "A running server: its connections, transfers and reached limits.",
    fields: {
      server,
      started: time("time at which the server was started"),
      location: optional(text("line 1 of transfer.info, for clients of protocol 4")),
      connections: count("number of open connections"),
      users: count("number of users among them"),
      uploads: record(trafficFields, "uploads"),
      downloads: record(trafficFields, "downloads"),
      limitsReached: list(
        record({
          limit: text("option of the limit, without its dashes"),
          count: count("how often"),
        }, "a limit"),
        "limits that clients have reached since the start",
      ),
      check: optional(
        record(summaryFields, "the check of all stored files"),
      ),
      hooks: optional(record(hooksFields, "events for the receiver, if there is one")),
    },
    words: (
      { server, started, location, connections, users, uploads, downloads, limitsReached, ...rest },
      show,
    ) => {
      const { check, hooks } = rest;
      return [
        `${server === undefined ? "Running" : `${server}: running`} since ${show.time(started)}: ${
          plural(connections, "connection")
        } of ` +
        `${plural(users, "user")}`,
        ...location === undefined ? [] : [`  line 1 of transfer.info: ${location}`],
        `  uploads: ${trafficWords(uploads, show)}`,
        `  downloads: ${trafficWords(downloads, show)}`,
        ...limitsReached.map(({ limit, count }) =>
          `  limit --${limit}: reached ${plural(count, "time")}`
        ),
        ...check === undefined ? [] : [`  check of stored files: ${summaryWords(check)}`],
        ...hooks === undefined ? [] : [`  hooks: ${hookWords(hooks, show)}`],
      ].join("\n");
    },
  }),
  "hook": defineEvent({
    kind: "result",
    what: "An event that waits for the receiver of `--hook-url`, or is dead.",
    fields: {
      id: text("id of the event, which the receiver sees as `webhook-id`"),
      type: text("name of the event"),
      user: optional(text("user name of the account")),
      file: optional(text("name of the file")),
      state: oneOf(["waiting", "dead"], "whether it waits, or the server has given up"),
      queued: time("time at which it was queued"),
      attempts: count("number of failed deliveries"),
      reason: optional(text("why the last delivery failed")),
      body: text("the JSON that the server posts"),
    },
    words: ({ id, type, user, file, state, queued, attempts, reason }, show) =>
      `${id}  ${type}${user === undefined ? "" : ` of ${user}`}` +
      `${file === undefined ? "" : `: ${file}`}  ${state} since ${show.time(queued)}` +
      (reason === undefined ? "" : `, ${plural(attempts, "failure")}: ${reason}`),
  }),
  "hooks-retried": changed("Events for the receiver are due now.", "Retrying", "event"),
  "hooks-dropped": changed("Events for the receiver were removed.", "Dropped", "event"),
  "session": defineEvent({
    kind: "result",
    what: "An open connection of a running server.",
    fields: {
      id: text("id of the connection"),
      server,
      protocol: oneOf([3, 4], "its protocol"),
      address: text("address of the client"),
      user: optional(text("user name, once the client has signed in")),
      since: time("time at which the client connected"),
      uploadedFiles: count("number of uploaded files"),
      uploadedBytes: count("number of uploaded bytes"),
      downloadedFiles: count("number of downloaded files"),
      downloadedBytes: count("number of downloaded bytes"),
      transfers: list(record(transferFields, "a file"), "files in progress"),
    },
    words: (session, show) =>
      [
        `${session.id}  ${session.user ?? "not signed in"} from ${session.address}` +
        `${session.server === undefined ? "" : ` at ${session.server}`}, protocol ` +
        `${session.protocol}, since ${show.time(session.since)}, ` +
        `${show.size(session.uploadedBytes)} up, ${show.size(session.downloadedBytes)} down`,
        ...session.transfers.map(({ direction, file, progress, size, rate }) =>
          `  ${direction} of ${file}: ${show.size(progress)}` +
          (size === undefined ? "" : ` of ${show.size(size)}`) + `, ${show.size(rate)}/s`
        ),
      ].join("\n"),
  }),
  "sessions-omitted": defineEvent({
    kind: "warning",
    what: "A server has too many connections to list all of them. Those with transfers are listed.",
    fields: {
      server: text("name of the server"),
      omitted: count("number of connections that are not listed"),
    },
    words: ({ server, omitted }) => `${plural(omitted, "more connection")} at ${server}`,
  }),
  "server-silent": defineEvent({
    kind: "warning",
    what: "A server of the catalog did not answer. It is paused, cut off or of another version.",
    fields: { server: text("name of the server") },
    words: ({ server }) => `${server} did not answer`,
  }),
  "session-ended": defineEvent({
    kind: "result",
    what: "A connection of a running server was ended.",
    fields: { id: text("id of the connection") },
    words: ({ id }) => `Ended connection ${id}`,
  }),
  "admin-link": defineEvent({
    kind: "result",
    what: "A link to the operator's page, by `xfer server admin-link`.",
    fields: {
      url: text("the link, which works once"),
      expires: time("time at which it expires"),
    },
    words: ({ url }) => url,
    note: () => "The link works once, within ten minutes.",
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

function hookWords(
  { waiting, dead, oldest, delivered, dropped }: Values<typeof hooksFields>,
  show: Presentation,
): string {
  const since = oldest === undefined ? "" : ` since ${show.time(oldest)}`;
  const lost = dropped === 0 ? "" : `, ${dropped} dropped`;
  return `${plural(waiting, "event")} waiting${since}, ${dead} dead, ${delivered} delivered${lost}`;
}

function trafficWords(
  { open, files, failed, bytes, rate }: Values<typeof trafficFields>,
  show: Presentation,
): string {
  const failures = failed === 0 ? "" : `, ${failed} failed`;
  return `${open} in progress, ${show.size(rate)}/s; since the start ${plural(files, "file")} (${
    show.size(bytes)
  })${failures}`;
}
