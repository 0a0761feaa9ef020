/**
 * Which files were stored last, for `xfer client status`.
 *
 * @module
 */
import { whyFailed } from "../../../protocol/mod.ts";
import { keepLastStored, type LastStored, MAX_LAST_STORED } from "../../../client/mod.ts";
import type { Reporter } from "../../output/reporter.ts";

export class StoredRecord {
  readonly #folder: string;
  readonly #user: string;
  readonly #server: string;
  /** The newest first. */
  readonly #files: LastStored[] = [];

  /** Of what a client stores, kept in its folder. */
  constructor(folder: string, user: string, server: string) {
    this.#folder = folder;
    this.#user = user;
    this.#server = server;
  }

  /** A file was stored, at this moment. */
  add(file: Pick<LastStored, "name" | "size" | "cksum">): void {
    const [user, server] = [this.#user, this.#server];
    this.#files.unshift({ ...file, storedAt: Date.now(), user, server });
    this.#files.length = Math.min(this.#files.length, MAX_LAST_STORED);
  }

  /** Writes it down. That the files are stored does not depend on it. */
  async keep(reporter: Reporter): Promise<void> {
    try {
      await keepLastStored(this.#folder, this.#files);
    } catch (error) {
      const reason = whyFailed(error);
      reporter.report({ event: "not-recorded", reason });
    }
  }
}
