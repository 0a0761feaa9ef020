/**
 * TCP_NODELAY for connections over TLS, which Deno sets only for plain ones.
 *
 * Without it, the system sends one small piece and keeps the next until the peer has acknowledged the first. A server
 * sends its part of the handshake in three pieces, and its first message after the session tickets. That costs a round
 * trip during the handshake and another one after it, and acknowledgements are delayed by up to 40 ms. Connections
 * inherit the option from the socket that listens. On Linux, and with the permission to load a library, the system's own
 * calls set it there.
 *
 * @module
 */
import { openCLibrary } from "../../platform/c_library.ts";

/** getsockname(2), getsockopt(2) and setsockopt(2). */
const CALLS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const INT_SIZE = 4;
/** The bytes of the largest address, `struct sockaddr_in6`, and where the port (u16, big-endian) is in it. */
const ADDRESS_SIZE = 28;
const ADDRESS_PORT = 2;
/** The number of descriptors to check. New ones get the lowest free number. */
const MAX_DESCRIPTOR = 4096;

/** Opened before the server gives up the permission, and open until the program ends. */
const symbols = openCLibrary(CALLS);

/** The arguments of calls, which are filled again for each. */
const value = new Int32Array(1);
const address = new Uint8Array(ADDRESS_SIZE);
const size = new Uint32Array(1);

/**
 * Sets the option for all connections that this process accepts at a port from now on. Returns `false` if it cannot:
 * then connections only start more slowly.
 */
export function sendAtOnce(port: number): boolean {
  if (symbols === undefined) return false;
  let isSet = false;
  for (let descriptor = 0; descriptor < MAX_DESCRIPTOR; descriptor++) {
    if (!isListening(descriptor) || portOf(descriptor) !== port) continue;
    value[0] = 1;
    const result = symbols.setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, value, INT_SIZE);
    isSet ||= result === 0;
  }
  return isSet;
}

function isListening(descriptor: number): boolean {
  size[0] = INT_SIZE;
  return symbols?.getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, value, size) === 0 &&
    value[0] === 1;
}

function portOf(descriptor: number): number | undefined {
  size[0] = ADDRESS_SIZE;
  if (symbols?.getsockname(descriptor, address, size) !== 0) return undefined;
  return new DataView(address.buffer).getUint16(ADDRESS_PORT);
}
