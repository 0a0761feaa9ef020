/**
 * Uploads that are open, of all connections: by client and name, since only one of them is the one to go on with, and by
 * the id by which other connections of the client join them.
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/mod.ts";
import type { Receipt } from "./receipt.ts";

/** As many as there are files on their way in, which `maxStagedPerClient` bounds. */
export class Transfers {
  readonly #open = new Set<Receipt>();
  readonly #byName = new Map<string, Receipt>();
  readonly #byId = new Map<string, Receipt>();

  /** Adds an upload, and returns the one of its client and name before it, which is open too. */
  add(receipt: Receipt): Receipt | undefined {
    const key = keyOf(receipt);
    const before = this.#byName.get(key);
    this.#open.add(receipt);
    this.#byName.set(key, receipt);
    this.#byId.set(toHex(receipt.id), receipt);
    return before;
  }

  remove(receipt: Receipt): void {
    const key = keyOf(receipt);
    this.#open.delete(receipt);
    if (this.#byName.get(key) === receipt) this.#byName.delete(key);
    this.#byId.delete(toHex(receipt.id));
  }

  /** The upload with an id, if it is this client's. */
  find(clientId: Bytes, id: Bytes): Receipt | undefined {
    const receipt = this.#byId.get(toHex(id));
    return receipt !== undefined && equalBytes(receipt.clientId, clientId) ? receipt : undefined;
  }

  /** Whether an upload writes to a staged file. */
  isOpen(path: string): boolean {
    for (const receipt of this.#open) if (receipt.path === path) return true;
    return false;
  }
}

function keyOf({ clientId, request: { name } }: Receipt): string {
  return `${toHex(clientId)} ${name}`;
}
