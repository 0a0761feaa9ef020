/** A server with a certificate from a CA, and attackers between it and its clients. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { type DiscoveredServer, findV4Server } from "../../../client/v4/discover.ts";
import { KnownServers } from "../../../client/identity/known_servers.ts";
import { decodeHelloAnswer, encodeHelloAnswer, type HelloAnswer } from "../../../protocol/hello.ts";
import type { ServerOptions } from "../../../server/lifecycle/server_options.ts";
import { Authority, type Issued } from "../tls/certificate_authority.ts";
import { FaultyProxy } from "../net/faulty_proxy.ts";
import { Fixture } from "./fixture.ts";

export const NAMES = ["localhost", "127.0.0.1"];

export interface Named extends AsyncDisposable {
  readonly fixture: Fixture;
  readonly authority: Authority;
  /** Options that a client of this fixture needs. */
  readonly trust: Partial<ConnectOptions>;
}

/** A server with an operator's certificate, about which no question may come. */
export async function named(
  issued?: Issued,
  options: Partial<ServerOptions> = {},
): Promise<Named> {
  const authority = await Authority.create();
  const certificate = issued ?? await authority.issue({ names: NAMES });
  const fixture = await Fixture.named(certificate, options);
  return {
    ...{ fixture, authority },
    trust: {
      ...{ server: fixture.byName, caCerts: [authority.certificate] },
      onNewServer: () => assert.fail("nobody should be asked"),
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

/** Passes connections on to the plain port, and changes the answer to the hello. */
export function lyingProxy(
  target: Address,
  lie: (answer: HelloAnswer) => HelloAnswer,
): Promise<FaultyProxy> {
  return FaultyProxy.start(target, {
    down: () => (bytes) => {
      const answer = decodeHelloAnswer(bytes);
      return [answer === undefined ? bytes : encodeHelloAnswer(lie(answer))];
    },
  });
}

export async function helloOf(address: Address): Promise<DiscoveredServer> {
  const answer = await findV4Server(address, DEFAULT_TIMEOUTS);
  assert.ok(answer !== undefined);
  return answer;
}

/** The address of a proxy by its name. */
export const at = (proxy: FaultyProxy): Address => ({ ...proxy.address, hostname: "localhost" });

/** The client's record of the server at an address. */
export async function known(fixture: Fixture, name: string, address: Address) {
  return await new KnownServers(fixture.folder.join(name)).find(address);
}

/** The client's error about a server without a CA's certificate. */
export const NOT_VERIFIED = { name: "ConfigurationError", code: "server-not-verified" };
