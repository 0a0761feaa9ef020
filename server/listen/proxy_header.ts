/**
 * The header of the PROXY protocol, version 1 (text) and 2 (binary), with which a load balancer sends the address of
 * the client before the client's first bytes. Source: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
 *
 * @module
 */
import { isIPv4, isIPv6 } from "node:net";
import { type Address, MAX_PORT } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";

export interface ProxyHeader {
  /** The bytes that it takes. */
  readonly size: number;
  /** The address of the client; `undefined` if the balancer itself has connected, as to check the server. */
  readonly client: Address | undefined;
}

const V1_SIGNATURE = new TextEncoder().encode("PROXY ");
/** The most bytes of version 1, with the end of its line. */
const V1_SIZE = 107;
const V2_SIGNATURE = new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n");
/** The bytes of version 2 before the addresses: signature, version and command, family, length. */
const V2_FIXED = 16;
/**
 * The most bytes of a header. Addresses have at most 216 bytes. Balancers add details of the connection. The largest in
 * use have a few hundred.
 */
export const MAX_PROXY_HEADER = 4096;

const [LOCAL, PROXY] = [0x20, 0x21];
/** The families of version 2: with an address that clients of a server can have, and without. */
const [TCP4, TCP6] = [0x11, 0x21];
const WITHOUT_ADDRESS: readonly number[] = [0x00, 0x31];
const IPV4_SIZE = 4;
const IPV6_SIZE = 16;

/**
 * The header at the beginning of `bytes`; `undefined` if more bytes are needed. Throws `ProtocolError`
 * `bad-proxy-header`.
 */
export function decodeProxyHeader(bytes: Bytes): ProxyHeader | undefined {
  if (beginsAs(bytes, V2_SIGNATURE)) return decodeV2(bytes);
  if (beginsAs(bytes, V1_SIGNATURE)) return decodeV1(bytes);
  throw invalidHeader("it has no signature");
}

/** Whether the bytes, as far as there are any, are those of a signature. */
function beginsAs(bytes: Bytes, signature: Bytes): boolean {
  return bytes.subarray(0, signature.length).every((byte, at) => byte === signature[at]);
}

function decodeV1(bytes: Bytes): ProxyHeader | undefined {
  const line = new TextDecoder("latin1").decode(bytes.subarray(0, V1_SIZE));
  const end = line.indexOf("\r\n");
  if (end < 0) {
    if (bytes.length >= V1_SIZE) throw invalidHeader("its line has no end");
    return undefined;
  }
  const size = end + 2;
  const [, family, source = "", target = "", sourcePort = "", targetPort = "", ...more] = line
    .slice(0, end).split(" ");
  if (family === "UNKNOWN") return { size, client: undefined };
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : undefined;
  const port = portOf(sourcePort);
  if (
    isAddress === undefined || !isAddress(source) || !isAddress(target) ||
    port === undefined || portOf(targetPort) === undefined || more.length > 0
  ) throw invalidHeader("its line is invalid");
  return { size, client: { hostname: canonical(source), port } };
}

function portOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= MAX_PORT ? Number(text) : undefined;
}

function decodeV2(bytes: Bytes): ProxyHeader | undefined {
  if (bytes.length < V2_FIXED) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [command, family] = [view.getUint8(12), view.getUint8(13)];
  const size = V2_FIXED + view.getUint16(14);
  if (command !== LOCAL && command !== PROXY) {
    throw invalidHeader("its version or command is unknown");
  }
  if (size > MAX_PROXY_HEADER) throw invalidHeader(`it has ${size} bytes`);
  if (bytes.length < size) return undefined;
  if (command === LOCAL || WITHOUT_ADDRESS.includes(family)) return { size, client: undefined };
  const length = family === TCP4 ? IPV4_SIZE : family === TCP6 ? IPV6_SIZE : undefined;
  if (length === undefined) throw invalidHeader("its address is not one of TCP");
  const portAt = V2_FIXED + 2 * length;
  // Two addresses, then two ports.
  if (size < portAt + 4) throw invalidHeader("its address is cut off");
  const address = bytes.subarray(V2_FIXED, V2_FIXED + length);
  return {
    size,
    client: { hostname: hostnameOf(address), port: view.getUint16(portAt) },
  };
}

function hostnameOf(address: Bytes): string {
  if (address.length === IPV4_SIZE) return address.join(".");
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const groups = Array.from({ length: IPV6_SIZE / 2 }, (_, at) => view.getUint16(2 * at));
  return canonical(groups.map((group) => group.toString(16)).join(":"));
}

/**
 * An address as programs write it (RFC 5952), without a zone. An IPv4 address that is mapped to IPv6, as of the client of a
 * balancer that listens for both, is one of IPv4: limits would count all of them as one network.
 */
function canonical(address: string): string {
  if (!address.includes(":")) return address;
  const [plain = ""] = address.split("%");
  const written = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(written) ?? [];
  if (high === undefined || low === undefined) return written;
  return [high, low].map((text) => parseInt(text, 16))
    .flatMap((group) => [group >> 8, group & 0xff]).join(".");
}

export function invalidHeader(reason: string): ProtocolError {
  return new ProtocolError("bad-proxy-header", `invalid header of the PROXY protocol: ${reason}`);
}
