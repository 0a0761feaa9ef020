/**
 * Both protocols: bytes in, values out. Nothing here touches a socket, a file or a clock.
 *
 * @module
 */
export * from "./address.ts";
export * from "./cipher/aes_cbc.ts";
export { inPieces, PiecesDecryptor, PiecesEncryptor } from "./v3/pieces_cipher.ts";
export * from "./cipher/rsa.ts";
export { Cksum, cksum } from "./crc/cksum.ts";
export { combine } from "./crc/combine.ts";
export { ZlibCrc } from "./crc/zlib.ts";
export * from "./v3/editions/edition.ts";
export * from "./v3/editions/mod.ts";
export * from "./errors.ts";
export * from "./file_name.ts";
export * from "./v3/editions/quirks.ts";
export * from "./header.ts";
export * from "./memory.ts";
export * from "./v3/messages.ts";
export * from "./v3/client_session.ts";
export * from "./v3/registration.ts";
export type { SessionSteps, Step, StepResult } from "./v3/session_steps.ts";
export { PacketSequence } from "./v3/packet_sequence.ts";
export * from "./v3/file_parts.ts";
export * from "./v3/response_reader.ts";
export * from "./v3/server_session.ts";
export * from "./abort.ts";
export * from "./printable.ts";
export { isGeneralError } from "./v3/general_error.ts";
export { storedName } from "./v3/stored_name.ts";
export * from "./v3/text_field.ts";
export {
  formatFingerprint,
  formatLocation,
  type Location,
  parseFingerprint,
  parseLocation,
} from "./v4/fingerprint.ts";
export * from "./bytes.ts";
export * from "./cursor.ts";
