/**
 * The record of the last uploaded files, for `xfer client status`.
 *
 * @module
 */
import {
  keepLastStored,
  type LastStored,
  MAX_LAST_STORED,
  type TransferInfo,
} from "../../../client/mod.ts";
import { formatAddress } from "../../../protocol/address.ts";
import { reasonOf } from "../../../protocol/errors.ts";
import type { Reporter } from "../../output/reporter.ts";

export class StoredRecord {
  readonly #user: string;
  readonly #server: string;
  /** The newest first. */
  readonly #files: LastStored[] = [];

  constructor({ userName, server }: TransferInfo) {
    this.#user = userName;
    this.#server = formatAddress(server);
  }

  /** Adds a file that was stored just now. */
  add(file: Pick<LastStored, "name" | "size" | "cksum">): void {
    const [user, server] = [this.#user, this.#server];
    this.#files.unshift({ ...file, storedAt: Date.now(), user, server });
    this.#files.length = Math.min(this.#files.length, MAX_LAST_STORED);
  }

  /** Saves the record in the client's folder. A failure is only reported: the files are stored. */
  async keep(folder: string, reporter: Reporter): Promise<void> {
    try {
      await keepLastStored(folder, this.#files);
    } catch (error) {
      const reason = reasonOf(error);
      reporter.report({ event: "not-recorded", reason, record: "history" });
    }
  }
}
