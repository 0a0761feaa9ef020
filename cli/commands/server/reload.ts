/**
 * New settings for a running server.
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
import { type Key, KEYS, SETTINGS, shownText } from "../../configuration/settings.ts";

/** The part of `Server` that is used here. */
interface Reloadable {
  reload(changes: SettingChanges): Promise<void>;
}

export class Reloader {
  readonly #server: Reloadable;
  readonly #read: () => Promise<Configuration>;
  #effective: Settings;
  #last: Promise<void> = Promise.resolve();
  /** Whether a reload is scheduled but has not begun. When it begins, it reads all changes. */
  #waiting = false;

  /** `effective`: the settings at the start. `read` reads them again. */
  constructor(server: Reloadable, effective: Settings, read: () => Promise<Configuration>) {
    this.#server = server;
    this.#effective = effective;
    this.#read = read;
  }

  /** The effective settings. */
  get effective(): Settings {
    return this.#effective;
  }

  /**
   * Reads the settings again, one reload after the other, and applies those that can change at runtime; then rereads the
   * certificate. If any setting is invalid, nothing changes. Logs the result. Never rejects.
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
      log.error("Did not reload the settings: {reason}", {
        event: "server.not-reloaded",
        reason: describe(error),
      });
      return;
    }
    const before = this.#effective;
    const changed = KEYS.filter((key) =>
      !isDeepStrictEqual(before[key].value, read.settings[key].value)
    );
    const now = changed.filter((key) => SETTINGS[key].reloadable);
    const later = changed.filter((key) => !SETTINGS[key].reloadable);
    this.#effective = { ...before, ...pick(read.settings, now) };
    const reloaded = this.#server.reload(toRules(this.#effective));
    if (now.length > 0) {
      log.info("Reloaded the settings: {changes}", {
        event: "server.reloaded",
        changes: now.map((key) => change(key, before, read.settings)).join(", "),
        settings: now,
      });
    }
    if (later.length > 0) {
      log.warn("Some settings take effect only after a restart: {changes}", {
        event: "server.restart-needed",
        changes: later.map((key) => change(key, before, read.settings)).join(", "),
        settings: later,
      });
    }
    if (read.file !== undefined && changed.length === 0) {
      log.info("Reloaded the settings: nothing changed", { event: "server.unchanged" });
    }
    await reloaded.catch(() => undefined); // the server has logged it
  }
}

function pick(settings: Settings, keys: readonly Key[]): Partial<Settings> {
  return Object.fromEntries(keys.map((key) => [key, settings[key]]));
}

function change(key: Key, before: Settings, after: Settings): string {
  return printable(`${key} ${shown(key, after)} (was ${shown(key, before)})`);
}

function shown(key: Key, settings: Settings): string {
  return shownText(key, settings[key].text);
}

function describe(error: unknown): string {
  if (!(error instanceof XferError)) return printable(String(error));
  const { message, code, hint } = error;
  return printable(`${message} [${code}]${hint === undefined ? "" : ` ${hint}`}`);
}
