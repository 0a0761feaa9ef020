/**
 * Other settings for a server that runs.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { getLogger } from "@logtape/logtape";
import { printable } from "../../../protocol/printable.ts";
import { XferError } from "../../../protocol/errors.ts";
import type { SettingChanges } from "../../../server/mod.ts";
import type { Configuration, Settings } from "../../configuration/configuration.ts";
import { toRules } from "../../configuration/server_options.ts";
import { type Key, KEYS, SETTINGS } from "../../configuration/settings.ts";

/** What `Server` has for it. */
interface Reloadable {
  reload(changes: SettingChanges): Promise<void>;
}

export class Reloader {
  readonly #server: Reloadable;
  readonly #read: () => Promise<Configuration>;
  #inForce: Settings;
  #last: Promise<void> = Promise.resolve();
  /** Whether one is still to begin, which will see all that has changed by then. */
  #waiting = false;

  /** `inForce`: what the server was started with. `read` finds out what is to be in force now. */
  constructor(server: Reloadable, inForce: Settings, read: () => Promise<Configuration>) {
    this.#server = server;
    this.#inForce = inForce;
    this.#read = read;
  }

  /** What the server goes by. */
  get inForce(): Settings {
    return this.#inForce;
  }

  /**
   * Reads the settings again, one reload after the other, and puts those in force that can be; then the certificate is
   * read again. Where anything is wrong with the settings all stays as it was. What came of it is logged. Never rejects.
   */
  reload(): Promise<void> {
    if (this.#waiting) return this.#last;
    this.#waiting = true;
    this.#last = this.#last.then(() => {
      this.#waiting = false;
      return this.#reload();
    });
    return this.#last;
  }

  async #reload(): Promise<void> {
    const log = getLogger(["xfer", "server"]);
    let read: Configuration;
    try {
      read = await this.#read();
    } catch (error) {
      log.error("All settings stay as they were: {reason}", {
        event: "server.not-reloaded",
        reason: describe(error),
      });
      return;
    }
    const before = this.#inForce;
    const changed = KEYS.filter((key) =>
      !isDeepStrictEqual(before[key].value, read.settings[key].value)
    );
    const now = changed.filter((key) => SETTINGS[key].reloadable);
    const later = changed.filter((key) => !SETTINGS[key].reloadable);
    this.#inForce = { ...before, ...pick(read.settings, now) };
    const reloaded = this.#server.reload(toRules(this.#inForce));
    if (now.length > 0) {
      log.info("In force now: {changes}", {
        event: "server.reloaded",
        changes: now.map((key) => change(key, before, read.settings)).join(", "),
        settings: now,
      });
    }
    if (later.length > 0) {
      log.warn("Changed, and in force only when the server is started again: {changes}", {
        event: "server.restart-needed",
        changes: later.map((key) => change(key, before, read.settings)).join(", "),
        settings: later,
      });
    }
    if (read.file !== undefined && changed.length === 0) {
      log.info("All settings are the same as before", { event: "server.unchanged" });
    }
    await reloaded.catch(() => undefined); // the server has logged it
  }
}

function pick(settings: Settings, keys: readonly Key[]): Partial<Settings> {
  return Object.fromEntries(keys.map((key) => [key, settings[key]]));
}

function change(key: Key, before: Settings, after: Settings): string {
  return printable(`${key} ${after[key].text} (it was ${before[key].text})`);
}

function describe(error: unknown): string {
  if (!(error instanceof XferError)) return printable(String(error));
  const { message, code, hint } = error;
  return printable(`${message} [${code}]${hint === undefined ? "" : ` ${hint}`}`);
}
