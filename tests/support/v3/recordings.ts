/** Recorded sessions of published clients and servers. */
import { Buffer } from "node:buffer";
import { type Bytes, fromHex } from "../../../protocol/bytes.ts";
import { type Identity, parseIdentity } from "../../../client/identity/v3_identity.ts";

const FOLDER = new URL("../../conformance/recordings/", import.meta.url);

export interface Entry {
  readonly conn: number;
  readonly dir: "c2s" | "s2c";
  readonly bytes: Bytes;
}

export interface Recording {
  /** `PEER/SCENARIO`. */
  readonly label: string;
  readonly edition: string;
  readonly user: string;
  /** The file's name, as line 3 of transfer.info had it. */
  readonly fileName: string;
  readonly plaintext: Bytes;
  readonly aesKey: Bytes | undefined;
  /** The number of CRC responses whose checksum the recorder changed. */
  readonly falsified: number;
  readonly decryptable: boolean;
  /** The client's files at the end. `undefined` if it never got that far. */
  readonly identity: Identity | undefined;
  /** The previous session with the same server: a registration before a reconnection. */
  readonly earlier: readonly Entry[];
  readonly entries: readonly Entry[];
}

interface RecordedEntry {
  readonly conn: number;
  readonly dir: "c2s" | "s2c";
  readonly hex: string;
}

interface RecordedSession {
  readonly edition: string;
  readonly user: string;
  readonly transfer_info_line_3: string;
  readonly plaintext_base64: string;
  readonly aes_key_hex: string | null;
  readonly crc_responses_corrupted_by_the_recorder: number;
  readonly ciphertext_decrypts_to_plaintext: boolean | null;
  readonly client_files_base64: Readonly<Record<string, string>>;
  readonly earlier_in_the_same_server: readonly RecordedEntry[];
  readonly entries: readonly RecordedEntry[];
}

/** The recordings of one peer, by scenario. */
export function loadRecordings(peer: string): Recording[] {
  const folder = new URL(`${peer}/`, FOLDER);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return files.map((file) => {
    const session = JSON.parse(Deno.readTextFileSync(new URL(file, folder))) as RecordedSession;
    const meInfo = session.client_files_base64["me.info"];
    return {
      label: `${peer}/${file.replace(".json", "")}`,
      edition: session.edition,
      user: session.user,
      fileName: session.transfer_info_line_3,
      plaintext: fromBase64(session.plaintext_base64),
      aesKey: session.aes_key_hex === null ? undefined : hex(session.aes_key_hex),
      falsified: session.crc_responses_corrupted_by_the_recorder,
      decryptable: session.ciphertext_decrypts_to_plaintext === true,
      identity: meInfo === undefined
        ? undefined
        : parseIdentity(Buffer.from(meInfo, "base64").toString("latin1"), `${peer} me.info`),
      earlier: session.earlier_in_the_same_server.map(toEntry),
      entries: session.entries.map(toEntry),
    };
  });
}

function toEntry({ conn, dir, hex: digits }: RecordedEntry): Entry {
  return { conn, dir, bytes: hex(digits) };
}

function hex(digits: string): Bytes {
  const bytes = fromHex(digits);
  if (bytes === undefined) {
    throw new Error("The recording contains something else than hexadecimal digits");
  }
  return bytes;
}

function fromBase64(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "base64"));
}
