/** A client of protocol 4 of which is known at any moment what the server may have of it. */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import type { ConnectOptions } from "../../client/v4/connect_options.ts";
import {
  NetworkError,
  ProtocolError,
  RefusedError,
  UnconfirmedError,
} from "../../protocol/errors.ts";
import { V4Client } from "../../client/v4/client.ts";
import { parseFingerprint } from "../../protocol/v4/fingerprint.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { SourceFile } from "../../client/local/source_file.ts";
import { openSession } from "../../client/v4/session.ts";
import type { Dice } from "../support/v3/fuzz.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { Lost, Refused } from "./actor.ts";
import { Belief, type Effect, type World } from "./belief.ts";

/** A file and a folder's files; none is a folder of another. */
const NAMES = ["a", "b", "c/d", "c/e"] as const;
/** Around a chunk's size. */
const SIZES = [0, 1, 70_000, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE + 7] as const;
/** Small files that are sent at once; more than are on their way at a time. */
const BULK = 40;
/** So long is no answer waited for; one that is due comes within milliseconds. */
const TIMEOUTS = { responseMs: 20_000 };

interface Sending {
  readonly name: string;
  readonly content: Bytes;
}

export class SecureActor {
  readonly name: string;
  /** Whether what the server refuses is taken as not done. */
  readonly #trusting: boolean;
  /** Of its identity, and of the files that it sends. */
  readonly #folder: string;
  readonly #belief: Belief;
  /** Of the server as it was first met; it stays the same whatever happens to that. */
  #fingerprint: Bytes | undefined;
  #sources = 0;

  /** `folder` is there, and the actor's own. */
  constructor(name: string, folder: string, { trusting = true } = {}) {
    this.name = name;
    this.#folder = folder;
    this.#trusting = trusting;
    this.#belief = new Belief(name);
  }

  /** Connects and gets in, as far as need be by registering. */
  async enter(address: Address): Promise<V4Client> {
    return await connected(() => V4Client.connect(this.#options(address)));
  }

  /** Stores files at once. Throws `Refused` where one is refused, when all are answered. */
  async store(client: V4Client, files: readonly Sending[]): Promise<void> {
    const sources = await Promise.all(files.map(async ({ name, content }) => {
      const path = `${this.#folder}/source${this.#sources++}`;
      await Deno.writeFile(path, content);
      const effect: Effect = (world) => new Map([...world, [name, content]]);
      const asked = this.#belief.ask([name], effect);
      return { file: await SourceFile.inspect(path), name, asked };
    }));
    const refusals: Error[] = [];
    try {
      await connected(() =>
        client.put(sources, (file, outcome) => {
          const asked = sources.find((source) => source.file === file)?.asked;
          if (typeof outcome === "number") asked?.done();
          else if (outcome instanceof RefusedError) {
            if (this.#trusting) asked?.notDone();
            refusals.push(outcome);
          } else if (!(outcome instanceof UnconfirmedError)) throw outcome;
        })
      );
    } finally {
      for (const { file } of sources) await Deno.remove(file.path);
    }
    if (refusals[0] !== undefined) throw new Refused(refusals[0].message);
  }

  async remove(client: V4Client, name: string): Promise<void> {
    const without: Effect = (world) => world.has(name) ? omit(world, name) : undefined;
    await this.#change([name], without, () => client.remove(name));
  }

  async rename(client: V4Client, from: string, to: string): Promise<void> {
    const renamed: Effect = (world) => {
      const content = world.get(from);
      if (content === undefined || world.has(to)) return undefined;
      return new Map([...omit(world, from), [to, content]]);
    };
    await this.#change([from, to], renamed, () => client.rename(from, to));
  }

  /** Gets a file back, which is to be what it was. */
  async compare(client: V4Client, name: string): Promise<void> {
    const expected = this.#belief.sure(name);
    const chunks: Bytes[] = [];
    const got = connected(() =>
      client.get({ name }, (chunk) => {
        chunks.push(chunk.slice());
        return Promise.resolve();
      })
    );
    if (expected === undefined) {
      await assert.rejects(got, (error) => error instanceof Refused || error instanceof Lost);
      return;
    }
    await got;
    assert.deepEqual(concatBytes(...chunks), expected, `${this.name}/${name} got back`);
  }

  /** Begins a file on a connection of its own and leaves; with `resume`, the server may keep what it had. */
  async leaveHalfway(address: Address, name: string, resume: 0 | 1): Promise<void> {
    await connected(async () => {
      const { mux } = await openSession(this.#options(address));
      using _closed = mux;
      const tag = mux.nextTag();
      const held = resume === 1 ? mux.answerOf(tag, "held") : undefined;
      held?.catch(() => undefined);
      const size = 3 * CHUNK_SIZE;
      await mux.send({ kind: "put", tag, name, size, mtime: 1, resume });
      if ((await held)?.offset === size) return;
      const offset = (await held)?.offset ?? 0;
      await mux.sendChunk(tag, offset, pseudoRandomBytes(CHUNK_SIZE, 1 + offset));
    });
  }

  /** Something that a client may do, chosen by the dice. Nothing may be unsure before. */
  async actAtRandom(client: V4Client, address: Address, dice: Dice): Promise<string> {
    const content = () => pseudoRandomBytes(dice.pick(SIZES), dice.roll(2 ** 31));
    const [there, missing] = [true, false].map((isThere) =>
      NAMES.filter((name) => (this.#belief.sure(name) !== undefined) === isThere)
    ) as [string[], string[]];
    switch (dice.roll(8)) {
      case 0: {
        const size = dice.pick([0, 10, 3000]);
        await this.store(
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
        await this.rename(client, dice.pick(there), dice.pick(missing));
        return "renamed";
      case 2:
        if (there.length === 0) break;
        await this.remove(client, dice.pick(there));
        return "removed";
      case 3:
        await this.compare(client, dice.pick([...NAMES, ...this.#belief.names]));
        return "got back";
      case 4:
        await this.leaveHalfway(address, "halfway", dice.roll(2) as 0 | 1);
        return "left halfway by protocol 4";
    }
    await this.store(client, [{ name: dice.pick(NAMES), content: content() }]);
    return "stored by protocol 4";
  }

  /** Compares with what there is, and takes that for what is known from now on. */
  settle(found?: World): void {
    this.#belief.settle(found);
  }

  #options(server: Address): ConnectOptions {
    return {
      ...{ server, userName: this.name, identityFolder: this.#folder, timeouts: TIMEOUTS },
      fingerprint: this.#fingerprint,
      onNewServer: () => true,
      onEvent: (event) => {
        if (event.type === "connected") {
          this.#fingerprint = parseFingerprint(event.fingerprint ?? "");
        }
      },
    };
  }

  async #change(names: readonly string[], effect: Effect, request: () => Promise<void>) {
    const asked = this.#belief.ask(names, effect);
    try {
      await connected(request);
    } catch (error) {
      if (error instanceof Refused && this.#trusting) asked.notDone();
      throw error;
    }
    asked.done();
  }
}

function omit(world: World, name: string): World {
  return new Map([...world].filter(([other]) => other !== name));
}

/** What the client says of a connection that is gone, or of a refusal. A server that is silent is neither. */
async function connected<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isSilent = error instanceof NetworkError && error.code === "no-answer";
    const isLoss = error instanceof NetworkError || error instanceof UnconfirmedError ||
      (error instanceof ProtocolError && error.code === "protocol-4-not-spoken");
    if (isLoss && !isSilent) throw new Lost(error.message, { cause: error });
    if (error instanceof RefusedError) throw new Refused(error.message, { cause: error });
    throw error;
  }
}
