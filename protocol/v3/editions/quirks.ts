/**
 * Deviations of published clients and servers from their edition. Quirks are independent of each other;
 * docs/protocol-3.md describes them.
 *
 * @module
 */
/** Every quirk, with a description. */
export const QUIRKS = {
  "uncounted-content": "the payload size of a file covers its fixed part only; the content follows",
  "empty-crc-payload": "the payload size of a CRC request is 0; its fixed part follows",
  "uncounted-id": "the payload size of registered and denied is 0; the client id follows",
  "reserved-id": "a denied client sends its public key under the id in the response",
  "packets-1291": "every packet has 1024 bytes of content; the last is padded with zeros",
  "packets-65536": "every packet has 65,269 bytes of content; the last is padded with zeros",
  "frames": "every message is padded with zeros to a multiple of 1024 bytes",
  "pieces": "a long file is encrypted in pieces of 720 and then 1008 bytes, each padded on its own",
  "acknowledged-parts": "each packet except the last is acknowledged before the next is sent",
  "short-key": "the AES key has 16 bytes in every edition",
  "headerless-blocks": "a file is sent as numbered blocks, after a header with payload size 0",
  "zlib-crc": "the checksum of a file is zlib's CRC-32 instead of cksum",
  "plaintext-size": "the content size of a file is that of its plaintext",
  "packet-size": "the content size of a packet is that of its own content, or of the space for it",
  "frames-2048": "every message is padded with zeros to a multiple of 2048 bytes",
} as const;

/** The name of a quirk. */
export type Quirk = keyof typeof QUIRKS;

/** The quirks of one peer. */
export type Quirks = ReadonlySet<Quirk>;

/** The quirks of a peer that follows its edition. */
export const NO_QUIRKS: Quirks = new Set();

/** Whether a name is that of a quirk. */
export function isQuirk(name: string): name is Quirk {
  return Object.hasOwn(QUIRKS, name);
}

/** Quirks of servers that our client supports. */
export const CLIENT_QUIRKS = [
  "uncounted-content",
  "empty-crc-payload",
  "uncounted-id",
  "reserved-id",
  "packets-1291",
  "packets-65536",
  "frames",
  "pieces",
  "acknowledged-parts",
  "short-key",
  "headerless-blocks",
  "zlib-crc",
] as const satisfies readonly Quirk[];

/** The frame size of peers with one of these quirks, in bytes. Their messages are multiples of it. */
const FRAME_SIZES: Readonly<Partial<Record<Quirk, number>>> = {
  "frames": 1024,
  "frames-2048": 2048,
};

/** With the quirk `pieces`: the size of the first piece, and of each further one, in plaintext bytes. */
export const FIRST_PIECE = 720;
export const FURTHER_PIECE = 1008;

/** With the quirk `short-key`: the size of an AES key in bytes. */
export const SHORT_KEY = 16;

/** With the quirks `frames` and `acknowledged-parts`: content bytes of a packet, which then exactly fills a frame. */
export const FRAMED_PACKET = 734;

/** With the quirk `headerless-blocks`: content bytes of a block, and the size of the checksum after the ciphertext. */
export const BLOCK_CONTENT = 7925;
export const BLOCK_TRAILER = 4;

/** The payload size of every packet in bytes, fixed part included, by quirk. */
export const PACKET_PAYLOADS: Readonly<Partial<Record<Quirk, number>>> = {
  "packets-1291": 1291,
  "packets-65536": 65_536,
};

/** The number of zeros that pad a message of `size` bytes to whole frames of this quirk. */
export function framePadding(size: number, quirk: "frames" | "frames-2048" = "frames"): number {
  const frame = FRAME_SIZES[quirk] ?? 1;
  return (frame - (size % frame)) % frame;
}

/** The number of zeros that pad a message of `size` bytes for a peer with these quirks. */
export function fillingOf(quirks: Quirks, size: number): number {
  if (quirks.has("frames-2048")) return framePadding(size, "frames-2048");
  return quirks.has("frames") ? framePadding(size) : 0;
}

/**
 * The most padding that a file message may announce, in bytes: the most that clients with packets of a fixed size send.
 */
export const MAX_FILLING = 65_536;

/** Bytes that some clients send after a public key, because they reserve as much space for it as for a name. */
export const KEY_SURPLUS = 95;
