/** Faults of a network. */
import type { Bytes } from "../../../protocol/bytes.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeResponse, type Response } from "../../../protocol/v3/messages.ts";
import { ResponseReader } from "../../../protocol/v3/response_reader.ts";
import { falsifyChecksum, isFileReceived } from "../store/corrupt_catalog.ts";
import type { Ending, Fault, Faults } from "./faulty_proxy.ts";
import type { Dice } from "../v3/fuzz.ts";

/** Ends the connection before the byte at `place` of all bytes in this direction. */
export function cutAt(place: number, ending: Ending): () => Fault {
  let passed = 0;
  return () => (bytes) => {
    const size = place - passed;
    passed += bytes.length;
    return size >= 0 && size < bytes.length ? [bytes.subarray(0, size), ending] : [bytes];
  };
}

/** Changes the bits of `mask` in the byte at `place` of all bytes in this direction. */
export function flipAt(place: number, mask: number): () => Fault {
  let passed = 0;
  return () => (bytes) => {
    const at = place - passed;
    passed += bytes.length;
    if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ mask;
    return [bytes];
  };
}

/** Passes bytes on in other segments: split, and some held until more have arrived. */
export function reshape(dice: Dice): () => Fault {
  return () =>
    async function* (bytes) {
      for (let done = 0; done < bytes.length;) {
        const size = 1 + dice.roll(dice.pick([3, 100, 5000, 70_000]));
        yield bytes.subarray(done, done + size);
        done += size;
        if (dice.roll(8) === 0) await new Promise((resolve) => setTimeout(resolve, dice.roll(4)));
      }
    };
}

/** Counts the bytes in this direction. */
export function countInto(counter: { bytes: number }): () => Fault {
  return () => (bytes) => {
    counter.bytes += bytes.length;
    return [bytes];
  };
}

/** Changes the first `count` checksums that a server of edition 2023c returns. */
export function falsifyChecksums(count: number): () => Fault {
  let left = count;
  return () =>
    eachResponse(edition2023c, function* (response) {
      const sent = encodeResponse(edition2023c, response);
      const falsify = isFileReceived(edition2023c, sent) && left-- > 0;
      yield falsify ? falsifyChecksum(sent) : sent;
    });
}

/** The place of a cut: before or after a response reaches the client, or after a number of bytes from it. */
export type Cut =
  | { readonly before: Response["kind"] }
  | { readonly after: Response["kind"] }
  | { readonly afterBytes: number };

/** A network that fails at given places, in this order, each once. */
export class Cuts implements Faults {
  readonly #edition: Edition;
  readonly #cuts: Cut[];

  constructor(cuts: readonly Cut[], edition: Edition = edition2023c) {
    this.#edition = edition;
    this.#cuts = [...cuts];
  }

  /** The number of cuts that were not made. */
  get left(): number {
    return this.#cuts.length;
  }

  readonly up = (): Fault => {
    let passed = 0;
    return (bytes) => {
      passed += bytes.length;
      const isDue = this.#isDue((cut) => "afterBytes" in cut && passed >= cut.afterBytes);
      return isDue ? ["fin"] : [bytes];
    };
  };

  readonly down = (): Fault => {
    const edition = this.#edition;
    const isDue = (matches: (cut: Cut) => boolean) => this.#isDue(matches);
    return eachResponse(edition, function* (response) {
      const { kind } = response;
      if (isDue((cut) => "before" in cut && cut.before === kind)) yield "fin";
      yield encodeResponse(edition, response);
      if (isDue((cut) => "after" in cut && cut.after === kind)) yield "fin";
    });
  };

  /** Takes the next cut if it is due. */
  #isDue(matches: (cut: Cut) => boolean): boolean {
    const [next] = this.#cuts;
    if (next === undefined || !matches(next)) return false;
    this.#cuts.shift();
    return true;
  }
}

/** Passes on the result for each response. */
export function eachResponse(
  edition: Edition,
  inject: (response: Response) => Iterable<Bytes | Ending>,
): Fault {
  const reader = new ResponseReader(edition);
  return function* (bytes) {
    reader.push(bytes);
    for (let response = reader.next(); response !== undefined; response = reader.next()) {
      yield* inject(response);
    }
  };
}
