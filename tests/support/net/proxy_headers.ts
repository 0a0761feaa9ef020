/** Headers of the PROXY protocol, as balancers send them. */
import type { Address } from "../../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { utf8 } from "../bytes.ts";
import type { Faults } from "./faulty_proxy.ts";

const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);

/** Version 1, from an IPv4 client. */
export function headerV1({ hostname, port }: Address): Bytes {
  return utf8(`PROXY TCP4 ${hostname} 192.0.2.1 ${port} 1256\r\n`);
}

/** Version 2: a command, a family, and what follows. */
export function headerV2(command: number, family: number, body: Bytes): Bytes {
  const rest = Uint8Array.of(command, family, body.length >> 8, body.length & 0xff);
  return concatBytes(SIGNATURE, rest, body);
}

/** Passes on connections after a header. It is asked for each one. */
export function preceding(header: () => Bytes): Faults {
  return {
    up: () => {
      let left = header();
      return (bytes) => {
        const passed = concatBytes(left, bytes);
        left = new Uint8Array(0);
        return [passed];
      };
    },
  };
}

/** The addresses of version 2: client, server, and their ports. */
export function addressesOf(client: readonly number[], port: number): Bytes {
  const server = client.map(() => 1);
  return Uint8Array.of(...client, ...server, port >> 8, port & 0xff, 4, 232);
}
