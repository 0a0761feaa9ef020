/**
 * Events about connections, servers and accounts.
 *
 * @module
 */
import { shellWord } from "../../protocol/printable.ts";
import { plural } from "../text/format.ts";
import { count, defineEvent, flag, number, oneOf, optional, text } from "./definition.ts";

const server = text("address of the server, HOST:PORT");
const user = text("user name");
const id = text("id of the account on the server, 32 hexadecimal digits");
const path = text("path on this machine");

/** Requests of protocol 3 that people see. */
export const REQUEST_WORDS = {
  register: "Registering",
  publicKey: "Sending the public key",
  reconnect: "Reconnecting",
  crcInvalid: "Reported a wrong checksum; sending the file again",
  crcGivenUp: "Reported a wrong checksum for the last time; the server discards the file",
} as const;

export type TracedRequest = keyof typeof REQUEST_WORDS;

/** Requests that belong to every run, so they are details. */
const ROUTINE: ReadonlySet<TracedRequest> = new Set(["register", "publicKey", "reconnect"]);

const RISK = "Anyone on the network path can read and change what you send.";

export const CONNECTION_EVENTS = {
  "plain-protocol": defineEvent({
    kind: "security",
    what: "The client uses protocol 3, which does not check who the server is.",
    fields: {
      server,
      why: oneOf(
        ["asked", "remembered", "unanswered"],
        "`asked`: an option asked for protocol 3; `remembered`: an earlier command did, for this " +
          "server; `unanswered`: the server did not offer protocol 4",
      ),
      known: optional(
        text("how the client knows the server from protocol 4: fingerprint, or CA certificate"),
      ),
    },
    words: ({ server, why, known }, { paint }) => {
      const using = {
        asked: `using protocol 3. ${RISK}`,
        remembered: `using protocol 3 with ${server}, as before. ${RISK} To use protocol 4, ` +
          "add --protocol 4.",
        unanswered: `${server} did not offer protocol 4; using protocol 3. ${RISK}`,
      }[why];
      const key = known?.startsWith("SHA256:") ? `server key ${known}` : known;
      const unchecked = key === undefined
        ? ""
        : ` Protocol 3 does not check the ${key} of this server. To check it, omit ` +
          "--protocol 3.";
      return `${paint("warning", "Warning:")} ${using}${unchecked}`;
    },
  }),
  "edition-found": defineEvent({
    kind: "note",
    what: "The client found the server's edition of protocol 3.",
    fields: {
      edition: text("name of the edition"),
      certain: flag("whether only this edition fits the server's answer"),
    },
    words: ({ edition, certain }) =>
      certain
        ? `The server uses edition ${edition} of protocol 3`
        : `The server understood no other edition of protocol 3; trying ${edition}`,
  }),
  "connected": defineEvent({
    kind: "note",
    isDetail: ({ met }) => met !== false,
    what: "The client is connected to the server.",
    fields: {
      server,
      protocol: oneOf([3, 4], "protocol in use"),
      fingerprint: optional(
        text("fingerprint that identified the server; missing if a CA certificate did"),
      ),
      met: optional(flag("whether the client knew the server before; protocol 4")),
    },
    words: ({ server, protocol, fingerprint, met }) => {
      if (protocol === 3) return `Connected to ${server}`;
      const how = fingerprint === undefined ? "CA certificate" : `server key ${fingerprint}`;
      return met === false
        ? `Added ${server} to known_servers (${how})`
        : `Connected to ${server} (${how})`;
    },
  }),
  "request": defineEvent({
    kind: "note",
    isDetail: ({ request }) => ROUTINE.has(request),
    what: "The client sent a request of protocol 3.",
    fields: {
      request: oneOf(Object.keys(REQUEST_WORDS) as TracedRequest[], "name of the request"),
    },
    words: ({ request }) => REQUEST_WORDS[request],
  }),
  "message": defineEvent({
    kind: "note",
    isDetail: true,
    what: "With `--verbose`: a message was sent or received. Its content is not shown.",
    fields: {
      connection: count("number of the connection in this command, from 1"),
      from: oneOf(["client", "server"], "sender"),
      message: text("name of the message in the protocol"),
      code: optional(count("its number in the header")),
      tag: optional(count("tag of the request that the message belongs to; protocol 4")),
      count: count("number of equal messages in a row"),
      size: count("their bytes, with headers"),
      after: number("seconds from the start of the command to the first of them"),
    },
    words: ({ connection, from, message, code, tag, count, size, after }, { paint }) =>
      paint(
        "dim",
        `${after.toFixed(3)} s  connection ${connection}  ${from === "client" ? ">" : "<"} ` +
          message + (code === undefined ? "" : ` (${code})`) +
          (count > 1 ? ` ×${count}` : "") + (tag === undefined ? "" : `, tag ${tag}`) +
          `, ${plural(size, "byte")}`,
      ),
  }),
  "registered": defineEvent({
    kind: "note",
    what: "The server created an account for the user.",
    fields: { user, id },
    words: ({ user, id }) => `Registered ${user} with id ${id}`,
  }),
  "key-received": defineEvent({
    kind: "note",
    isDetail: true,
    what: "The server sent a new key for the next file, over protocol 3.",
    fields: {},
    words: () => "Received an AES key",
  }),
  "denied": defineEvent({
    kind: "note",
    what: "The server does not know the account; the client registers again, over protocol 3.",
    fields: {
      ...{ user, id },
      kept: optional(text("path of the old identity, if it was ever used")),
    },
    words: ({ user, id, kept }) =>
      `The server does not know ${user} with id ${id}; registering again` +
      (kept === undefined ? "" : `. Saved the old identity as ${kept}`),
  }),
  "claimed": defineEvent({
    kind: "note",
    what: "The user's account moved from protocol 3 to protocol 4.",
    fields: { user, id },
    words: ({ user }) =>
      `Moved the account ${user} from protocol 3 to protocol 4, with all its files. Keep me.key ` +
      "and me.account: you need them to sign in.",
  }),
  "account-renamed": defineEvent({
    kind: "note",
    what: "The server's operator renamed the account.",
    fields: { from: text("old user name"), to: text("new user name") },
    words: ({ from, to }) => `The operator renamed your account from ${from} to ${to}`,
  }),
  "tightened": defineEvent({
    kind: "security",
    what: "Other users could read a file with a private key. Its permissions were changed.",
    fields: { path },
    words: ({ path }, { paint }) =>
      `${paint("warning", "Warning:")} other users could read ${path}; changed its mode to 0600`,
  }),
  "open-folder": defineEvent({
    kind: "security",
    what: "Other users can replace the identity, because they can write to its folder.",
    fields: { path },
    words: ({ path }, { paint }) =>
      `${paint("warning", "Warning:")} anyone can write to the folder ${path} and replace your ` +
      `identity there. To stop that, run 'chmod o-w ${shellWord(path)}'.`,
  }),
  "retrying": defineEvent({
    kind: "warning",
    what: "The network failed. The client tries again after a delay.",
    fields: {
      code: text("code of the error"),
      message: text("what failed"),
      delay: number("seconds until the next attempt"),
      retry: count("number of the retry; starts again from 1 after progress"),
      retries: count("maximum number of retries without progress"),
    },
    words: ({ code, message, delay, retry, retries }, { paint }) =>
      `Retrying in ${
        Math.max(0.1, delay).toFixed(1)
      } s (retry ${retry} of ${retries}): ${message} ${paint("dim", `[${code}]`)}`,
  }),
} as const;
