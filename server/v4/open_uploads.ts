/**
 * Uploads that are open, of all connections: by client and name, since only the latest of them is the one to go on with,
 * and by the id by which other connections of the client join them.
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/mod.ts";
import type { Receipt } from "./upload.ts";

/** As many as there are files on their way in, which `maxStagedPerClient` bounds. */
export class Transfers {
  readonly #open = new Set<Receipt>();
  /** Oldest first: one gives way to the next, or is disowned by it, when that is open. */
  readonly #byName = new Map<string, Receipt[]>();
  readonly #byId = new Map<string, Receipt>();

  add(receipt: Receipt): void {
    const key = keyOf(receipt);
    this.#open.add(receipt);
    this.#byName.set(key, [...this.#byName.get(key) ?? [], receipt]);
    this.#byId.set(toHex(receipt.id), receipt);
  }

  /** Those of its client and name that came before an upload, oldest first, as long as they could be gone on with. */
  before(receipt: Receipt): readonly Receipt[] {
    const all = this.#byName.get(keyOf(receipt)) ?? [];
    return all.slice(0, Math.max(0, all.indexOf(receipt)));
  }

  /** An upload goes on, but is not the one of its name any more. */
  disown(receipt: Receipt): void {
    const key = keyOf(receipt);
    const others = this.#byName.get(key)?.filter((other) => other !== receipt) ?? [];
    if (others.length > 0) this.#byName.set(key, others);
    else this.#byName.delete(key);
  }

  remove(receipt: Receipt): void {
    this.disown(receipt);
    this.#open.delete(receipt);
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
