/** A network that is not what it should be: passes connections on to a server, and meddles with what goes through. */
import {
  type Address,
  type Bytes,
  concatBytes,
  edition2023c,
  encodeResponse,
  ResponseReader,
} from "../../mod.ts";
import { falsifyChecksum, isFileReceived } from "./falsified.ts";
import type { Dice } from "./fuzz.ts";

/** Bytes that go on, or the end of the connection at both sides. */
export type Passed = Bytes | "cut";

export interface Meddler {
  /** What becomes of bytes that come at `offset` of all that went in their direction, on any connection. */
  pass(bytes: Bytes, offset: number): Iterable<Passed> | AsyncIterable<Passed>;
  /** How many bytes are read next, at most. */
  atMost?(offset: number): number;
}

export type Direction = "up" | "down";
export type Meddlers = Readonly<Partial<Record<Direction, Meddler>>>;

const READ_SIZE = 65_536;
const HONEST: Meddler = { pass: (bytes) => [bytes] };

export class FaultyProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: Address;
  readonly #meddlers: Meddlers;
  readonly #pairs: Pair[] = [];
  readonly #work: Promise<void>;
  /** How many bytes have come, by direction. */
  readonly passed: Record<Direction, number> = { up: 0, down: 0 };

  constructor(target: Address, meddlers: Meddlers = {}) {
    this.#target = target;
    this.#meddlers = meddlers;
    this.#work = this.#accept();
  }

  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#work;
  }

  async #accept(): Promise<void> {
    const passing: Promise<void>[] = [];
    for await (const client of this.#listener) {
      const pair = new Pair(client, await Deno.connect({ ...this.#target }));
      this.#pairs.push(pair);
      passing.push(this.#pass("up", pair), this.#pass("down", pair));
    }
    for (const pair of this.#pairs) pair.close();
    await Promise.all(passing);
  }

  async #pass(direction: Direction, pair: Pair): Promise<void> {
    const { pass, atMost = () => READ_SIZE } = this.#meddlers[direction] ?? HONEST;
    const [from, to] = direction === "up" ? [pair.client, pair.server] : [pair.server, pair.client];
    const buffer = new Uint8Array(READ_SIZE);
    try {
      for (;;) {
        const size = await from.read(buffer.subarray(0, atMost(this.passed[direction])));
        if (size === null) return await to.closeWrite();
        const offset = this.passed[direction];
        this.passed[direction] += size;
        for await (const passed of pass(buffer.subarray(0, size), offset)) {
          if (passed === "cut") return pair.close();
          await writeAll(to, passed);
        }
      }
    } catch {
      // One side is gone, so is the other.
      pair.close();
    }
  }
}

class Pair {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  #open = true;

  constructor(client: Deno.TcpConn, server: Deno.TcpConn) {
    this.client = client;
    this.server = server;
    for (const socket of [client, server]) socket.setNoDelay();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const socket of [this.client, this.server]) socket.close();
  }
}

async function writeAll(socket: Deno.TcpConn, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
}

/** Ends the connection on which the byte at `place` would go, before it. */
export function cutAt(place: number): Meddler {
  return {
    pass: (bytes, offset) => {
      const size = place - offset;
      return size >= 0 && size < bytes.length ? [bytes.subarray(0, size), "cut"] : [bytes];
    },
  };
}

/** As {@link cutAt}, but leaves what comes behind unread: then the system resets the connection to its sender. */
export function resetAt(place: number): Meddler {
  const atMost = (offset: number) =>
    offset === place ? 1 : Math.min(READ_SIZE, place > offset ? place - offset : READ_SIZE);
  return { ...cutAt(place), atMost };
}

/** Changes the bits of `mask` in the byte at `place`. */
export function flipAt(place: number, mask: number): Meddler {
  return {
    pass: (bytes, offset) => {
      const at = place - offset;
      if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ mask;
      return [bytes];
    },
  };
}

/** Cuts segments into others, and lets some wait for those behind them. */
export function reshape(dice: Dice): Meddler {
  return {
    pass: async function* (bytes) {
      for (let done = 0; done < bytes.length;) {
        const size = 1 + dice.roll(dice.pick([3, 100, 5000, 70_000]));
        yield bytes.subarray(done, done + size);
        done += size;
        if (dice.roll(8) === 0) await new Promise((resolve) => setTimeout(resolve, dice.roll(4)));
      }
    },
  };
}

/** Falsifies the first `count` checksums that a server of edition 2023c returns. */
export function falsifyChecksums(count: number): Meddler {
  const reader = new ResponseReader(edition2023c);
  return {
    pass: (bytes) => {
      reader.push(bytes);
      const passed: Bytes[] = [];
      for (let response = reader.next(); response !== undefined; response = reader.next()) {
        const sent = encodeResponse(edition2023c, response);
        const falsify = isFileReceived(edition2023c, sent) && count-- > 0;
        passed.push(falsify ? falsifyChecksum(sent) : sent);
      }
      return [concatBytes(...passed)];
    },
  };
}
