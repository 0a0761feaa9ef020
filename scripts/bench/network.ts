/** A proxy between client and server of protocol 4 that cuts all connections once and accepts new ones at once. */
import { decodeHelloAnswer, encodeHelloAnswer } from "../../protocol/hello.ts";
import { type Fault, FaultyProxy } from "../../tests/support/net/faulty_proxy.ts";
import type { ReadyXfer } from "./xfer.ts";

const UNCHANGED: Fault = (bytes) => [bytes];

export interface NetworkOptions {
  /** The bytes that all connections together send to the server before the cut. */
  readonly cutAfter: number;
  readonly onCut?: () => void;
}

export class Network implements AsyncDisposable {
  readonly #cutAfter: number;
  readonly #onCut: () => void;
  readonly #proxies = new AsyncDisposableStack();
  #passed = 0;
  #cutAt: number | undefined;
  #usedAgainAt: number | undefined;
  #port = 0;

  private constructor({ cutAfter, onCut = () => undefined }: NetworkOptions) {
    this.#cutAfter = cutAfter;
    this.#onCut = onCut;
  }

  static async start(server: ReadyXfer, options: NetworkOptions): Promise<Network> {
    const network = new Network(options);
    const hostname = "127.0.0.1";
    const secure = await FaultyProxy.start({ hostname, port: server.securePort }, {
      up: () => network.#countAndCut(),
    });
    network.#proxies.use(secure);
    const { port } = secure.address;
    const plain = await FaultyProxy.start({ hostname, port: server.port }, {
      up: () => network.#greet(),
      // The hello leads to the proxy before the cut, and to the server itself after it, where the time is measured.
      // After the cut, the proxy refuses connections, so that the client sends a hello again.
      down: () => (bytes) => {
        const answer = network.#cutAt === undefined ? decodeHelloAnswer(bytes) : undefined;
        return [answer === undefined ? bytes : encodeHelloAnswer({ ...answer, port })];
      },
    });
    network.#proxies.use(plain);
    network.#port = plain.address.port;
    return network;
  }

  /** The port in place of the server's plain one. */
  get port(): number {
    return this.#port;
  }

  /** The time of the cut, by `performance.now()`, if it happened. */
  get cutAt(): number | undefined {
    return this.#cutAt;
  }

  /** The time of the first connection after the cut. */
  get usedAgainAt(): number | undefined {
    return this.#usedAgainAt;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxies.disposeAsync();
  }

  #greet(): Fault {
    if (this.#cutAt !== undefined) this.#usedAgainAt ??= performance.now();
    return UNCHANGED;
  }

  #countAndCut(): Fault {
    if (this.#cutAt !== undefined) return () => ["rst"];
    return (bytes) => {
      this.#passed += bytes.length;
      if (this.#passed < this.#cutAfter) return [bytes];
      if (this.#cutAt === undefined) {
        this.#cutAt = performance.now();
        this.#onCut();
      }
      return ["rst"];
    };
  }
}
