/**
 * The receiver of events, and the kinds of events that it gets.
 *
 * @module
 */
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { HookKind, HookTotals } from "../catalog/hook_queue.ts";

/** A receiver of events. */
export interface HookSettings {
  /** The URL, to which events are posted. */
  readonly url: string;
  /** The kinds of events; by default all but `downloaded` and `refused`. */
  readonly kinds?: readonly HookKind[];
  /** A file with the secrets of signatures; by default, the variable `XFER_HOOK_SECRET` has them. */
  readonly secretFile?: string | undefined;
  /** Whether http may leave this machine; `false` by default. */
  readonly isPlainAllowed?: boolean;
}

/** All kinds but those that clients can cause at will, and those that are as many as downloads. */
export const DEFAULT_HOOK_KINDS: readonly HookKind[] = [
  ...["stored", "removed", "renamed", "restored", "registered", "damaged"] as const,
];

/** Events of this server since its start. */
export interface HookCounts {
  /** Events that the receiver has confirmed. */
  delivered: number;
  /** Deliveries that have failed, and were or will be repeated. */
  failed: number;
  /** Events that the server has given up. */
  died: number;
  /** Events that were dropped because the queue was full. */
  dropped: number;
}

/** The queue, which servers share, and the counts of this server. */
export interface HookReport extends HookTotals {
  readonly counts: Readonly<HookCounts>;
}

/** A delivery of events, for those who look at it. */
export interface ReportedHooks {
  report(): Promise<HookReport>;
}

/** Hosts that are this machine. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Throws `ConfigurationError` `bad-hook-url`. */
export function checkHookUrl({ url, isPlainAllowed = false }: HookSettings): URL {
  const refuse = (reason: string, hint: string) => {
    const shown = printable(url.replace(/\/\/[^/?#]*@/, "//…@").replace(/[?#].*/s, ""));
    return new ConfigurationError("bad-hook-url", `cannot send events to ${shown}: ${reason}`, {
      hint,
    });
  };
  if (!URL.canParse(url)) throw refuse("it is not a URL", "Set hook-url to an https:// URL.");
  const parsed = new URL(url);
  if (!["https:", "http:"].includes(parsed.protocol)) {
    throw refuse("the scheme is neither https nor http", "Set hook-url to an https:// URL.");
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw refuse("it has a password", "Remove it: signatures prove who sends the events.");
  }
  if (parsed.protocol === "http:" && !isPlainAllowed && !LOOPBACK.test(parsed.hostname)) {
    throw refuse(
      "http would send names of files unencrypted",
      "Use https, or set hook-http to any if the network is private.",
    );
  }
  return parsed;
}
