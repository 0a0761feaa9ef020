/**
 * Events of `xfer client init` and `xfer client status`: the account here, and the server.
 *
 * @module
 */
import { shellWord } from "../../protocol/printable.ts";
import { plural } from "../text/format.ts";
import { duration } from "../text/time.ts";
import { count, defineEvent, flag, oneOf, optional, text, time } from "./definition.ts";

/** The default path of transfer.info. */
const USUAL = "transfer.info";

const server = text("address of the server, HOST:PORT");
const user = text("user name");
const protocol = oneOf([3, 4], "protocol");
const path = text("path on this machine");

/** Width of the labels of `status`. */
const LABEL = 14;

function line(label: string, ...parts: readonly (string | undefined)[]): string {
  return `${label.padEnd(LABEL)}  ${parts.filter((part) => part !== undefined).join(", ")}`;
}

export const STATUS_EVENTS = {
  "transfer-info": defineEvent({
    kind: "result",
    what: "The content of transfer.info.",
    fields: {
      path,
      server,
      location: text("line 1, as written"),
      user,
      file: optional(text("line 3: the file that `xfer client` uploads")),
    },
    words: ({ path, location, user, file }) =>
      line(path, `${user} at ${location}`, file === undefined ? undefined : `uploads ${file}`),
  }),
  "written": defineEvent({
    kind: "result",
    what: "A transfer.info was written.",
    fields: {
      ...{ path, location: text("line 1"), user, file: optional(text("line 3")) },
      missing: optional(flag("whether that file cannot be read now")),
    },
    words: ({ path, location, user }, { paint }) =>
      `${paint("success", "Wrote")} ${path}: ${user} at ${location}`,
    note: ({ path, file, missing }) => {
      const where = path === USUAL ? "" : ` --transfer-info ${shellWord(path)}`;
      if (file !== undefined && missing === true) {
        return `When ${file} can be read, run 'xfer client${where}' to upload it.`;
      }
      const what = file === undefined ? " put FILE" : "";
      return `To upload ${file ?? "a file"}, run 'xfer client${where}${what}'.`;
    },
  }),
  "not-written": defineEvent({
    kind: "error",
    what:
      "A transfer.info was not written. The `error` with the reason, or `stopping`, comes before.",
    fields: {
      ...{ path, code: text("code of the error") },
      offline: optional(flag("whether `--offline` would help: the server does not answer")),
    },
    words: ({ path, offline }) =>
      `Did not write ${path}` +
      (offline === true ? ". To write it without contacting the server, add '--offline'." : ""),
  }),
  "missing-file": defineEvent({
    kind: "warning",
    what: "The file for line 3 of transfer.info does not exist, or cannot be read.",
    fields: { path, reason: text("the reason") },
    words: ({ path, reason }, { paint }) =>
      `${paint("warning", "Warning:")} cannot upload ${path}: ${reason}`,
  }),
  "identity": defineEvent({
    kind: "result",
    what: "An account whose key is in this folder.",
    fields: {
      ...{ protocol, user },
      id: text("id of the account on the server, 32 hexadecimal digits"),
      fingerprint: text("fingerprint of the public key"),
      edition: optional(text("last edition used; protocol 3")),
    },
    words: ({ protocol, user, id, fingerprint, edition }) =>
      line(
        "account",
        `${user} over protocol ${protocol}${edition === undefined ? "" : ` (edition ${edition})`}`,
        `id ${id}`,
        `key ${fingerprint}`,
      ),
  }),
  "no-identity": defineEvent({
    kind: "result",
    what: "This folder has no account yet. The first connection registers the user.",
    fields: {},
    words: () => line("account", "none yet; your first upload registers you"),
  }),
  "known-server": defineEvent({
    kind: "result",
    what: "A server from known_servers.",
    fields: { server, known: text("its fingerprint, CA certificate, or protocol 3") },
    words: ({ server, known }) => line("known server", server, known),
  }),
  "last-stored": defineEvent({
    kind: "result",
    what: "A file that was uploaded from this folder, newest first; at most ten.",
    fields: {
      name: text("name on the server"),
      size: count("size in bytes"),
      cksum: count("POSIX checksum, as cksum(1) prints it"),
      ...{ user, server },
      stored: time("time at which the server confirmed it, by this machine's clock"),
    },
    words: ({ name, size, cksum, stored, server }, show) =>
      line(
        "uploaded",
        `${name} (${show.size(size)}, cksum ${cksum}) to ${server} on ${show.time(stored)}`,
      ),
  }),
  "answering": defineEvent({
    kind: "result",
    what: "The server answers.",
    fields: {
      ...{ server, protocol },
      known: optional(text("its fingerprint, or CA certificate; protocol 4")),
      met: optional(flag("whether the client knew the server before; protocol 4")),
      edition: optional(text("edition of protocol 3, if the server reveals it")),
      user: optional(text("user that signed in; only with an existing account")),
    },
    words: ({ server, protocol, known, met, edition, user }) => {
      const how = protocol === 4
        ? "answers over protocol 4"
        : edition === undefined
        ? "accepts connections over protocol 3"
        : `answers over protocol 3 (edition ${edition})`;
      return line(
        "server",
        `${server} ${how}`,
        known === undefined
          ? undefined
          : known.startsWith("SHA256:")
          ? `server key ${known}`
          : known,
        met === false ? "not in known_servers" : undefined,
        user === undefined ? undefined : `signed in as ${user}`,
      );
    },
  }),
  "usage": defineEvent({
    kind: "result",
    what: "The usage and the quota of the account on the server.",
    fields: {
      entries: count("number of files, folders and links"),
      size: count("their size in bytes, with partial uploads"),
      quotaEntries: optional(count("largest number of entries, if there is a quota")),
      quotaSize: optional(count("largest size in bytes, if there is a quota")),
      historySize: count(
        "size in bytes of replaced and removed versions, which do not count towards the quota",
      ),
      historyTime: optional(count("longest time for which they are kept, in milliseconds")),
    },
    words: ({ entries, size: bytes, quotaEntries, quotaSize, historySize, historyTime }, show) => {
      const { size, limit } = show;
      const left = quotaSize === undefined ? undefined : Math.max(0, quotaSize - bytes);
      return [
        line(
          "stored",
          plural(entries, "entry") + (quotaEntries === undefined ? "" : ` of ${quotaEntries}`),
          size(bytes) + (quotaSize === undefined ? "" : ` of ${limit(quotaSize)}`),
          left === undefined ? undefined : `${show.part(left, quotaSize ?? 0)} left`,
        ),
        line(
          "history",
          size(historySize),
          historyTime === undefined ? "not kept" : `kept for up to ${duration(historyTime)}`,
        ),
      ].join("\n");
    },
  }),
} as const;
