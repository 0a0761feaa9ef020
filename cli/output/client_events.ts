/**
 * Reports events of the client as events of the command line.
 *
 * @module
 */
import {
  type Choice,
  type CommonEvent,
  formatFingerprint,
  type Remembered,
  type Retry,
  type V3Event,
  type V4Event,
} from "../../client/mod.ts";
import { type Address, formatAddress } from "../../protocol/address.ts";
import { toHex } from "../../protocol/bytes.ts";
import { REQUEST_WORDS, type TracedRequest } from "../events/connection.ts";
import type { Reporter } from "./reporter.ts";

export interface Parties {
  readonly user: string;
  /** HOST:PORT. */
  readonly server: string;
}

/** Reports an event of a client over protocol 3. */
export function reportV3Event(reporter: Reporter, event: V3Event, parties: Parties): void {
  const { user, server } = parties;
  switch (event.type) {
    case "detected": {
      const { edition: { name: edition }, certain } = event;
      return reporter.report({ event: "edition-found", edition, certain });
    }
    case "connected":
      return reporter.report({ event: "connected", server, protocol: 3 });
    case "request": {
      if (!Object.hasOwn(REQUEST_WORDS, event.kind)) return;
      return reporter.report({ event: "request", request: event.kind as TracedRequest });
    }
    case "registered":
      return reporter.report({ event: "registered", user, id: toHex(event.clientId) });
    case "keyReceived":
      return reporter.report({ event: "key-received" });
    case "denied": {
      const { clientId, copy: kept } = event;
      return reporter.report({ event: "denied", user, id: toHex(clientId), kept });
    }
    case "openFolder":
      return reporter.report({ event: "open-folder", path: event.path });
    case "compared": {
      const { file, ours, theirs, attempt, zlib } = event;
      return reporter.report({ event: "compared", file: file.path, ours, theirs, attempt, zlib });
    }
    case "stored": {
      const { file: { name, path, size }, crc: cksum } = event;
      const kind = "file";
      return reporter.report({ event: "stored", name, path, kind, size, cksum, user, server });
    }
    case "failed": {
      const { path, error, state } = event;
      const { code } = error;
      return reporter.reportFailure(error, { event: "not-stored", path, state, code });
    }
    case "retrying":
      return reportRetry(reporter, event);
    case "tightened":
    case "planned":
    case "sending":
    case "progress":
      return reportCommonEvent(reporter, event);
  }
}

/** Reports an event of a client over protocol 4. */
export function reportV4Event(reporter: Reporter, event: V4Event, user: string): void {
  switch (event.type) {
    case "connected": {
      const { fingerprint, isNew } = event;
      const server = formatAddress(event.server);
      return reporter.report({ event: "connected", server, protocol: 4, fingerprint, met: !isNew });
    }
    case "registered":
    case "claimed":
      return reporter.report({ event: event.type, user, id: toHex(event.clientId) });
    case "renamed":
      return reporter.report({ event: "account-renamed", from: event.from, to: event.to });
    case "resumed": {
      const { file: { path: file, size: total }, offset: done } = event;
      return reporter.report({ event: "resumed", file, done, total });
    }
    case "found-part": {
      const { name: file, bytes: done, size: total } = event;
      return reporter.report({ event: "resumed", file, done, total });
    }
    case "left-part":
      return reporter.report({ event: "left-part", file: event.file.path });
    case "kept-part":
      return reporter.report({ event: "kept-part", file: event.name, path: event.path });
    case "comparing":
      return reporter.report({ event: "comparing", done: event.done, total: event.total });
    case "streaming": {
      const [file, attempt] = ["-", 1];
      if (event.sent === 0) return reporter.report({ event: "sending", file, attempt });
      return reporter.report({ event: "progress", file, done: event.sent, attempt });
    }
    case "getting": {
      const { name: file, size, done, attempt } = event;
      return reporter.report({ event: "getting", file, size, done, attempt });
    }
    case "received": {
      const { name: file, size: total, done, attempt } = event;
      return reporter.report({ event: "progress", file, done, total, attempt });
    }
    case "tightened":
    case "planned":
    case "sending":
    case "progress":
      return reportCommonEvent(reporter, event);
  }
}

/** Warns of protocol 3. */
export function reportUsingV3(
  reporter: Reporter,
  server: Address,
  { why, known }: Pick<Extract<Choice, { readonly protocol: 3 }>, "why" | "known">,
): void {
  reporter.report({
    ...{ event: "plain-protocol", server: formatAddress(server), why },
    known: known === undefined ? undefined : shownIdentity(known),
  });
}

/** What identifies a server, for people: a fingerprint, a CA certificate or protocol 3. */
export function shownIdentity(identity: Remembered): string {
  if (identity === "protocol-3") return "protocol 3";
  return identity === "pki" ? "CA certificate" : formatFingerprint(identity);
}

export function reportRetry(
  reporter: Reporter,
  { error: { code, message }, delayMs, retry, retries }: Retry,
): void {
  reporter.report({ event: "retrying", code, message, delay: delayMs / 1000, retry, retries });
}

function reportCommonEvent(reporter: Reporter, event: CommonEvent): void {
  if (event.type === "tightened") return reporter.report({ event: "tightened", path: event.path });
  if (event.type === "planned") {
    return reporter.report({ event: "planned", files: event.files, bytes: event.bytes });
  }
  const { file: { path: file, size }, attempt } = event;
  reporter.report(
    event.type === "sending"
      ? { event: "sending", file, size, attempt }
      : { event: "progress", file, done: event.sent, total: size, attempt },
  );
}
