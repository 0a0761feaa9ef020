/** What a client of protocol 4 does while faults are injected: everything that it may, at random. */
import type { Address } from "../../protocol/address.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { V4Client } from "../../client/v4/client.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import type { Dice } from "../support/v3/fuzz.ts";
import type { SecureActor } from "./secure_actor.ts";

/** A file and files of a folder. None is a folder of another. */
const NAMES = ["a", "b", "c/d", "c/e"] as const;
/** The names of that folder: now this, now that. */
const FOLDERS = ["c", "moved"] as const;
/** Sizes around that of a chunk. */
const SIZES = [0, 1, 70_000, 300_000, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE + 7] as const;
/** Sizes of contents in packs, in the catalog and in files of their own. Half of `PACKED` files fit into one pack. */
const SMALL_SIZES = [0, 10, 3000, 40_000, 80_000] as const;
/** Small files in two packs. */
const PACKED = 20;
/** Small files that are sent at once, more than are in transit at a time. */
const BULK = 40;

/** Does something that a client may do, chosen by the dice. Every state must be certain before. */
export async function actAtRandom(
  actor: SecureActor,
  client: V4Client,
  address: Address,
  dice: Dice,
): Promise<string> {
  const content = () => pseudoRandomBytes(dice.pick(SIZES), dice.roll(2 ** 31));
  const [there, missing] = [true, false].map((isThere) =>
    NAMES.filter((name) => actor.has(name) === isThere)
  ) as [string[], string[]];
  const folder = FOLDERS.find((one) => actor.below(one).length > 0);
  const small = () => pseudoRandomBytes(dice.pick(SMALL_SIZES), dice.roll(2 ** 31));
  switch (dice.roll(14)) {
    case 0: {
      const size = dice.pick([0, 10, 3000]);
      await actor.store(
        client,
        Array.from({ length: BULK }, (_, i) => ({
          name: `bulk/${i}`,
          content: pseudoRandomBytes(size, dice.roll(2 ** 31)),
        })),
      );
      return "files stored in bulk, times 40";
    }
    case 1:
      if (there.length === 0 || missing.length === 0) break;
      await actor.rename(client, dice.pick(there), dice.pick(missing));
      return "renamed";
    case 2:
      if (there.length === 0) break;
      await actor.remove(client, dice.pick(there));
      return "removed";
    case 3:
      await actor.compare(client, dice.pick([...NAMES, ...actor.names]));
      return "downloaded";
    case 4:
      await actor.disconnectHalfway(address, "halfway", dice.roll(2) as 0 | 1);
      return "interrupted over protocol 4";
    case 5:
      await actor.disconnectHalfway(address, "streamed halfway", 0, "unknown");
      return "interrupted, of unknown size";
    case 6:
      await actor.stream(address, dice.pick(NAMES), content());
      return "stored, of unknown size";
    case 7: {
      const files = Array.from({ length: PACKED }, (_, i) => ({
        ...{ name: `pack/${i}`, content: small() },
      }));
      const [first, second] = [files.slice(0, PACKED / 2), files.slice(PACKED / 2)];
      await settled([
        actor.pack(client, [...first, { name: "a", content: small() }]),
        actor.pack(client, second),
      ]);
      return "two packs stored, times 20";
    }
    case 8:
      await actor.update(client, ["a", "pack/1"]);
      await actor.fetch(client, [...NAMES, ...actor.names.slice(0, 100)]);
      return "updated and fetched";
    case 9:
      if (folder === undefined || FOLDERS.every((one) => actor.below(one).length > 0)) break;
      await actor.renameFolder(client, folder, folder === "c" ? "moved" : "c");
      return "folders renamed";
    case 10:
      if (folder === undefined) break;
      await actor.removeFolder(client, folder);
      return "folders removed";
    case 11:
      if (folder === undefined) break;
      await actor.undo(client, folder);
      return "folders removed and restored";
    case 12:
      if (there.length === 0) break;
      await actor.overwriteAndUndo(client, dice.pick(there), content());
      return "overwritten and restored";
  }
  await actor.store(client, [{ name: dice.pick(NAMES), content: content() }]);
  return "stored over protocol 4";
}

/** Waits for all, then throws the first error. */
async function settled(works: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}
