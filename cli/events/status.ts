/**
 * What `xfer client init` and `xfer client status` tell: who the client is, and how it stands with its server.
 *
 * @module
 */
import { shellWord } from "../../protocol/printable.ts";
import { plural, seconds } from "../text/format.ts";
import { count, defineEvent, flag, oneOf, optional, text, time } from "./definition.ts";

/** Where transfer.info is if no option says so. */
const USUAL = "transfer.info";

const server = text("the server's address, HOST:PORT");
const user = text("the user's name");
const protocol = oneOf([3, 4], "which protocol");
const path = text("the path of the file here");

/** Room for what stands before a line of `status`. */
const LABEL = 14;

function line(label: string, ...parts: readonly (string | undefined)[]): string {
  return `${label.padEnd(LABEL)}  ${parts.filter((part) => part !== undefined).join("  ")}`;
}

export const STATUS_EVENTS = {
  "transfer-info": defineEvent({
    kind: "result",
    what: "What transfer.info says.",
    fields: {
      path,
      server,
      location: text("line 1, as it is written"),
      user,
      file: optional(text("the file that is stored where no other is named")),
    },
    words: ({ path, location, user, file }) =>
      line(path, `${user} at ${location}`, file === undefined ? undefined : `stores ${file}`),
  }),
  "written": defineEvent({
    kind: "result",
    what: "A transfer.info was written.",
    fields: { path, location: text("its line 1"), user, file: optional(text("its line 3")) },
    words: ({ path, location, user }, paint) =>
      `${paint("success", "Wrote")} ${path}: ${user} at ${location}`,
    aside: ({ path, file }) => {
      const where = path === USUAL ? "" : ` --transfer-info ${shellWord(path)}`;
      const what = file === undefined ? " put FILE" : "";
      return `To store ${file ?? "a file"}: xfer client${where}${what}`;
    },
  }),
  "not-written": defineEvent({
    kind: "error",
    what: "A transfer.info was not written; the error, or that it was stopped, comes before.",
    fields: {
      ...{ path, code: text("the code of the error") },
      offline: optional(flag("the server does not answer, which need not be asked")),
    },
    words: ({ path, offline }) =>
      `Not written: ${path}${
        offline === true ? ": to write it without asking the server: --offline" : ""
      }`,
  }),
  "missing-file": defineEvent({
    kind: "warning",
    what: "The file that transfer.info is to name is not there, or can't be read.",
    fields: { path, reason: text("what is wrong with it") },
    words: ({ path, reason }, paint) =>
      `${paint("warning", "Warning:")} ${path} can't be stored as it is now: ${reason}`,
  }),
  "identity": defineEvent({
    kind: "result",
    what: "An account of which this folder has the key.",
    fields: {
      ...{ protocol, user },
      id: text("the account's id on the server, 32 hexadecimal digits"),
      fingerprint: text("of the public key"),
      edition: optional(text("of protocol 3, that was spoken last")),
    },
    words: ({ protocol, user, id, fingerprint, edition }) =>
      line(
        "identity",
        `${user} by protocol ${protocol}`,
        `id ${id}`,
        `key ${fingerprint}`,
        edition === undefined ? undefined : `edition ${edition}`,
      ),
  }),
  "no-identity": defineEvent({
    kind: "result",
    what: "This folder has no account: the first run registers the user.",
    fields: {},
    words: () => line("identity", "none yet: the first run registers you"),
  }),
  "known-server": defineEvent({
    kind: "result",
    what: "A server that is known from an earlier run.",
    fields: { server, known: text("its fingerprint, an authority's certificate, or protocol 3") },
    words: ({ server, known }) => line("known server", server, known),
  }),
  "last-stored": defineEvent({
    kind: "result",
    what:
      "A file that was stored from this folder; the newest come first, and there are ten at most.",
    fields: {
      name: text("its name on the server"),
      size: count("its bytes"),
      cksum: count("its POSIX checksum, as cksum(1) prints it"),
      ...{ user, server },
      stored: time("when the server confirmed it, by the clock here"),
    },
    words: ({ name, size, cksum, stored, server }) =>
      line(
        "last stored",
        name,
        plural(size, "byte"),
        `cksum ${cksum}`,
        seconds(stored),
        `on ${server}`,
      ),
  }),
  "not-recorded": defineEvent({
    kind: "warning",
    what: "What was stored is not recorded for `status`; the files are stored all the same.",
    fields: { reason: text("why not") },
    words: ({ reason }, paint) =>
      `${paint("warning", "Warning:")} xfer client status will not know what was stored: ${reason}`,
  }),
  "answering": defineEvent({
    kind: "result",
    what: "The server answers.",
    fields: {
      ...{ server, protocol },
      known: optional(text("its fingerprint, or an authority's certificate, by protocol 4")),
      met: optional(flag("whether it was met before, by protocol 4")),
      edition: optional(text("of protocol 3, where the server tells")),
      user: optional(text("who was let in: only an account that there is already")),
    },
    words: ({ server, protocol, known, met, edition, user }) => {
      const how = protocol === 4
        ? `answers by protocol 4${known === undefined ? "" : `, known by ${known}`}`
        : edition === undefined
        ? "takes connections, as before; its edition of protocol 3 tells no more"
        : `answers by protocol 3, edition ${edition}`;
      const isNew = met === false ? "not met before" : undefined;
      return line("server", server, how, isNew, user === undefined ? undefined : `lets ${user} in`);
    },
  }),
} as const;
