/**
 * Protocol 3: bytes in, values out. Nothing here touches a socket, a file or a clock.
 *
 * @module
 */
export * from "./address.ts";
export * from "./cipher/aes_cbc.ts";
export { inPieces, PiecesDecryptor, PiecesEncryptor } from "./cipher/pieces.ts";
export * from "./cipher/rsa.ts";
export { Cksum, cksum } from "./crc/cksum.ts";
export { combine } from "./crc/combine.ts";
export { ZlibCrc } from "./crc/zlib.ts";
export * from "./editions/edition.ts";
export * from "./editions/mod.ts";
export * from "./errors.ts";
export * from "./file_name.ts";
export * from "./habits.ts";
export * from "./header.ts";
export * from "./memory.ts";
export * from "./messages.ts";
export * from "./session/client.ts";
export * from "./session/introduction.ts";
export type { Answer, Conversation, Step } from "./session/conversation.ts";
export { PacketSequence } from "./session/packets.ts";
export * from "./session/parts.ts";
export * from "./session/responses.ts";
export * from "./session/server.ts";
export * from "./stopping.ts";
export * from "./text.ts";
export {
  formatFingerprint,
  formatLocation,
  type Location,
  parseFingerprint,
  parseLocation,
} from "./v4/fingerprint.ts";
export * from "./wire.ts";
