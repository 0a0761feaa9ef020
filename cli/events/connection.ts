/**
 * What is told of a connection, and of who is at both ends of it.
 *
 * @module
 */
import { plural } from "../text/format.ts";
import { count, defineEvent, flag, number, oneOf, optional, text } from "./definition.ts";

const server = text("the server's address, HOST:PORT");
const user = text("the user's name");
const id = text("the account's id on the server, 32 hexadecimal digits");
const path = text("the path of the file or folder here");

/** What the client asks for by protocol 3, where people want to know. */
export const REQUEST_WORDS = {
  register: "Registering",
  publicKey: "Sending the public key",
  reconnect: "Reconnecting",
  crcInvalid: "Telling the server that the checksum is wrong; sending again",
  crcGivenUp: "Telling the server to drop the file",
} as const;

export type TracedRequest = keyof typeof REQUEST_WORDS;

const V3_WARNING = "Going on with protocol 3, which is not safe on a hostile network: whoever is " +
  "between you and the server can read and change all";

export const CONNECTION_EVENTS = {
  "plain-protocol": defineEvent({
    kind: "security",
    what: "Protocol 3 is spoken, which does not see who the server is.",
    fields: {
      server,
      why: oneOf(
        ["asked", "remembered", "unanswered"],
        "it was asked for, now or before with this server; or the server has not said that it has " +
          "protocol 4",
      ),
      known: optional(
        text(
          "how the server is known all the same: its fingerprint, or an authority's certificate",
        ),
      ),
    },
    words: ({ server, why, known }, paint) => {
      const found = {
        asked: "",
        remembered: `Protocol 3 was asked for with ${server} before; for protocol 4 add ` +
          "--protocol 4. ",
        unanswered: `The server at ${server} does not answer as one of protocol 4. `,
      }[why];
      const lost = known === undefined
        ? ""
        : `. THE SERVER AT ${server} IS KNOWN by ${known}, which protocol 3 does not check: leave ` +
          "--protocol 3 out to be safe";
      return `${paint("warning", "Warning:")} ${found}${V3_WARNING}${lost}`;
    },
  }),
  "edition-found": defineEvent({
    kind: "note",
    what: "The server's edition of protocol 3 was found out.",
    fields: {
      edition: text("its name"),
      certain: flag("whether the server answered as only this one does"),
    },
    words: ({ edition, certain }) =>
      certain
        ? `The server speaks edition ${edition}`
        : `The server understood no other edition: trying ${edition}`,
  }),
  "connected": defineEvent({
    kind: "note",
    isDetail: ({ protocol, met }) => protocol === 4 && met !== false,
    what: "There is a connection to the server.",
    fields: {
      server,
      protocol: oneOf([3, 4], "which is spoken"),
      fingerprint: optional(
        text(
          "by which the server was seen to be the one; missing where an authority vouches for it",
        ),
      ),
      met: optional(flag("whether it was known by that before, by protocol 4")),
    },
    words: ({ server, protocol, fingerprint, met }) => {
      if (protocol === 3) return `Connected to ${server}`;
      const how = fingerprint === undefined
        ? "whose name an authority vouches for"
        : `whose fingerprint is ${fingerprint}`;
      const kept = met === false ? "; from now on it is known by that" : "";
      return `Connected to ${server}, ${how}${kept}`;
    },
  }),
  "request": defineEvent({
    kind: "note",
    what: "The client asks the server for something, by protocol 3.",
    fields: {
      request: oneOf(Object.keys(REQUEST_WORDS) as TracedRequest[], "for what"),
    },
    words: ({ request }) => REQUEST_WORDS[request],
  }),
  "message": defineEvent({
    kind: "note",
    isDetail: true,
    what: "With `--verbose`: one end has said something to the other. What it carries is not told.",
    fields: {
      connection: count("on which connection of this command, from 1 on"),
      from: oneOf(["client", "server"], "who has said it"),
      message: text("what the protocol calls it"),
      code: optional(count("the number that stands for that in its header")),
      tag: optional(count("of the request that it belongs to, by protocol 4")),
      count: count("how many of the same came one after the other"),
      size: count("their bytes, headers included"),
      after: number("how long the command had run by the first of them, in seconds"),
    },
    words: ({ connection, from, message, code, tag, count, size, after }, paint) =>
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
    what: "The server has given the user an account.",
    fields: { user, id },
    words: ({ user, id }) => `Registered ${user} with id ${id}`,
  }),
  "key-received": defineEvent({
    kind: "note",
    what: "The server has given a fresh key for the next file, by protocol 3.",
    fields: {},
    words: () => "Received an AES key",
  }),
  "denied": defineEvent({
    kind: "note",
    what: "The server does not know the account; the user is registered anew, by protocol 3.",
    fields: {
      ...{ user, id },
      kept: optional(text("where the old identity is kept, if it ever served")),
    },
    words: ({ user, id, kept }) =>
      `The server does not know ${user} by the id ${id}. Registering anew` +
      (kept === undefined ? "" : `; the old identity is kept in ${kept}`),
  }),
  "claimed": defineEvent({
    kind: "note",
    what: "The user's account of protocol 3 has become one of protocol 4.",
    fields: { user, id },
    words: ({ user }) =>
      `The account of ${user} was one of protocol 3 and is now one of protocol 4, with the ` +
      "same files: keep me.key and me.account",
  }),
  "account-renamed": defineEvent({
    kind: "note",
    what: "The server's operator has given the account another name.",
    fields: { from: text("the name before"), to: text("the name from now on") },
    words: ({ from, to }) => `The server's operator has renamed ${from} to ${to}`,
  }),
  "tightened": defineEvent({
    kind: "security",
    what: "A file with a private key could be read by others, and can't any more.",
    fields: { path },
    words: ({ path }, paint) =>
      `${paint("warning", "Warning:")} ${path} could be read by others; it is only yours now ` +
      "(mode 0600)",
  }),
  "open-folder": defineEvent({
    kind: "security",
    what: "Others can replace the identity, since they can write to its folder.",
    fields: { path },
    words: ({ path }, paint) =>
      `${paint("warning", "Warning:")} anybody can write to the folder ${path} and replace your ` +
      "identity there; to stop that: chmod o-w .",
  }),
  "retrying": defineEvent({
    kind: "warning",
    what: "The network has failed; what was at hand is tried again after a delay.",
    fields: {
      code: text("the code of the error"),
      message: text("what has failed"),
      delay: number("how long is waited, in seconds"),
      retry: count("the number of the retry; it starts again from 1 after progress"),
      retries: count("how many retries in a row are made without progress, at most"),
    },
    words: ({ code, message, delay, retry, retries }, paint) =>
      `${message} ${paint("dim", `[${code}]`)}; trying again in ${
        Math.max(0.1, delay).toFixed(1)
      } s (retry ${retry} of ${retries} without progress)`,
  }),
} as const;
