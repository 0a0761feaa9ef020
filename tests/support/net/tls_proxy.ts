/** A faulty network in front of a server of protocol 4: its plain port, and its TLS port. */
import type { Address } from "../../../protocol/address.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { RESPONSE_HEADER_SIZE } from "../../../protocol/header.ts";
import type { Server } from "../../../server/server.ts";
import { type Fault, type Faults, FaultyProxy } from "./faulty_proxy.ts";

export interface SecureFaults {
  /** The faults of hello and its answer. */
  readonly plain?: Faults;
  readonly secure?: Faults;
}

export class SecureProxy implements AsyncDisposable {
  readonly #proxies: readonly [plain: FaultyProxy, secure: FaultyProxy];

  private constructor(plain: FaultyProxy, secure: FaultyProxy) {
    this.#proxies = [plain, secure];
  }

  /** Starts in front of a server with protocol 3 at its first address and protocol 4 at its last. */
  static async start(
    { addresses }: Pick<Server, "addresses">,
    { plain = {}, secure = {} }: SecureFaults = {},
  ): Promise<SecureProxy> {
    const [first, last] = [addresses[0], addresses.at(-1)];
    if (first === undefined || last === undefined) throw new Error("the proxy does not listen");
    const tls = await FaultyProxy.start(last, secure);
    const { port } = tls.address;
    const down = () => inTurn(leadTo(port), (plain.down ?? (() => (bytes) => [bytes]))());
    return new SecureProxy(await FaultyProxy.start(first, { ...plain, down }), tls);
  }

  /** The address of the plain port. */
  get address(): Address {
    return this.#proxies[0].address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) await proxy[Symbol.asyncDispose]();
  }
}

/** Replaces the port in the answer to a hello, which is everything that the server sends on a connection. */
function leadTo(port: number): Fault {
  let passed = 0;
  return (bytes) => {
    const places = [RESPONSE_HEADER_SIZE, RESPONSE_HEADER_SIZE + 1];
    for (const [i, place] of places.entries()) {
      const at = place - passed;
      if (at >= 0 && at < bytes.length) bytes[at] = (port >> (8 * i)) & 0xff;
    }
    passed += bytes.length;
    return [bytes];
  };
}

function inTurn(first: Fault, then: Fault): Fault {
  return async function* (bytes) {
    for await (const passed of first(bytes)) {
      if (typeof passed === "string") yield passed;
      else yield* then(passed as Bytes);
    }
  };
}
