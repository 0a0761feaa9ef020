/** A server whose answers are sound or odd, as dice decide. */
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { encodeMessage, type Message } from "../../protocol/v4/messages.ts";
import { FetchReader } from "../../protocol/v4/fetch.ts";
import type { FileFields } from "../../protocol/v4/file_record.ts";
import { PackReader } from "../../protocol/v4/pack.ts";
import { PackedWriter } from "../../protocol/v4/packed.ts";
import { UpdateReader } from "../../protocol/v4/update.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import type { Dice } from "../support/v3/fuzz.ts";
import { damaged, mutated } from "../support/v4/fuzz.ts";
import { FILE, STORED } from "../support/v4/message_fields.ts";
import { contentsOf, listing } from "../support/v4/records.ts";

/** Answers to one kind of message, invalid now and then. */
export function oddAnswers(dice: Dice, content: Bytes): (message: Message | undefined) => Bytes {
  const sums = new ChunkDigests(content.length);
  sums.add(0, content);
  const { cksum, digest } = sums.sums();
  const [id, hash] = [pseudoRandomBytes(16), pseudoRandomBytes(32)];
  const sound = (message: Message | undefined): Message[] => {
    if (message === undefined) return [{ kind: "challenge", tag: 0, version: 0x0400, nonce: hash }];
    const { kind, tag } = message;
    // Damaged content makes the client ask for a `recheck`.
    const sent = dice.roll(4) === 0 ? pseudoRandomBytes(content.length, 9) : content;
    const file = {
      ...FILE,
      kind: "file",
      tag,
      size: content.length,
    } as const;
    const names = [
      ...["b/0", "b/1", "b/2", "b/9", "folder/x", "folder/../../evil", "folder//y", "../evil"],
      "folder/x/y",
    ];
    switch (kind) {
      case "register":
      case "login":
        return [{ kind: "welcome", tag, clientId: id, name: "Alice", window: 32 }];
      case "put":
        return message.resume === 0 ? [] : [{
          kind: "held",
          tag,
          transfer: id,
          offset: 0,
          digest: new ChunkDigests(0).sums().digest,
        }];
      case "end":
        return [
          dice.roll(3) === 0
            ? { kind: "mismatch", tag, cksum, digest }
            : { ...STORED, kind: "stored", tag, cksum, digest },
        ];
      case "get":
        return [
          { ...file, name: message.name, cksum, digest },
          { kind: "digests", tag, bytes: sums.digests },
          ...(message.to === 0 ? [] : [{ kind: "data", tag, offset: 0, bytes: sent } as const]),
          { kind: "done", tag },
        ];
      case "list":
        return listing(
          tag,
          names.filter(() => dice.roll(2) === 0).map((name) => ({ ...file, name, cksum, digest })),
        );
      case "stat":
        if (dice.roll(2) === 0) return [{ ...file, name: message.name, cksum, digest }];
        return [{ kind: "error", tag, code: "no-such-file", message: "no such file" }];
      case "pack": {
        const writer = new PackedWriter();
        for (const reader = new PackReader(message.bytes); reader.next();) {
          const roll = dice.roll(6);
          if (roll === 0) writer.addMismatch({ cksum, digest });
          else if (roll === 1) writer.addRefused("\x1b[2J", "\x1b[2J");
          else writer.addStored(1);
        }
        if (dice.roll(8) === 0) writer.addStored(1);
        return [{ kind: "packed", tag, bytes: writer.payload }];
      }
      case "update": {
        const writer = new PackedWriter();
        for (const reader = new UpdateReader(message.bytes); reader.next();) {
          const roll = dice.roll(4);
          if (roll === 0) writer.addRefused("file-changed", "\x1b[2J");
          else if (roll === 1) writer.addMismatch({ cksum, digest });
          else writer.addStored(reader.version);
        }
        if (dice.roll(8) === 0) writer.addStored(1);
        return [{ kind: "packed", tag, bytes: writer.payload }];
      }
      case "fetch": {
        const records: (FileFields & { readonly content: Bytes })[] = [];
        for (const reader = new FetchReader(message.bytes); reader.next();) {
          const name = dice.roll(8) === 0 ? dice.pick(names) : reader.name;
          const isChanged = dice.roll(8) === 0;
          records.push({ ...file, name, cksum: isChanged ? 1 : cksum, digest, content });
        }
        return [contentsOf(tag, records), { kind: "done", tag }];
      }
      case "recheck":
        if (dice.roll(2) === 0) return [{ kind: "done", tag }];
        return [{ kind: "error", tag, code: "damaged", message: "\x1b[2Jit is damaged" }];
      case "chunk":
      case "cancel":
        return [];
      default:
        return [{ kind: "error", tag, code: "no-such-file", message: "\x1b[2Jno such file" }];
    }
  };
  return (message) => {
    const messages = sound(message);
    if (messages.length === 0 || dice.roll(3) > 0) {
      return concatBytes(...messages.map(encodeMessage));
    }
    const bytes = concatBytes(...mutated(dice, messages).map(encodeMessage));
    return dice.roll(2) === 0 ? damaged(dice, bytes) : bytes;
  };
}
