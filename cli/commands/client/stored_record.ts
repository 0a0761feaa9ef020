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

/** The number of files from which old ones are dropped. */
const MANY = 100 * MAX_LAST_STORED;

export class StoredRecord {
  readonly #user: string;
  readonly #server: string;
  /** The newest last. Of many files, those that are too old are dropped now and then. */
  #files: LastStored[] = [];

  constructor({ userName, server }: TransferInfo) {
    this.#user = userName;
    this.#server = formatAddress(server);
  }

  /** Adds a file that was stored just now. */
  add(file: Pick<LastStored, "name" | "size" | "cksum">): void {
    const [user, server] = [this.#user, this.#server];
    this.#files.push({ ...file, storedAt: Date.now(), user, server });
    if (this.#files.length === MANY) this.#files = this.#files.slice(-MAX_LAST_STORED);
  }

  /** Saves the record in the client's folder. A failure is only reported: the files are stored. */
  async keep(folder: string, reporter: Reporter): Promise<void> {
    try {
      await keepLastStored(folder, this.#files.toReversed());
    } catch (error) {
      const reason = reasonOf(error);
      reporter.report({ event: "not-recorded", reason, record: "history" });
    }
  }
}
