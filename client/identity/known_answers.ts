/**
 * `known_answers`, the answers of servers to the hello, which save the hello at the next connection. Newest first, in
 * one line each: `HOST:PORT TLS-PORT CERTIFICATE`, the certificate in hexadecimal digits (DER).
 *
 * Nothing depends on the file. The client verifies a certificate from it as it verifies one from a server, and sends a
 * hello if that fails.
 *
 * @module
 */
import { join } from "node:path";
import { type Address, MAX_PORT } from "../../protocol/address.ts";
import { type Bytes, equalBytes, fromHex, toHex } from "../../protocol/bytes.ts";
import { writePrivateFile } from "../local/atomic_file.ts";
import { MAX_SMALL_FILE, readTextFileIfThere } from "../local/read_small_file.ts";
import { withFolderLock } from "./folder_lock.ts";
import { serverKey } from "./server_key.ts";

export const KNOWN_ANSWERS = "known_answers";

/** The port of protocol 4 on the same host, and the server's certificate (X.509, DER). */
export interface KnownAnswer {
  readonly port: number;
  readonly certificate: Bytes;
}

interface KeptAnswer extends KnownAnswer {
  readonly where: string;
}

/** The number of answers that are kept. A client has few servers. */
const MAX_ANSWERS = 16;

export class KnownAnswers {
  readonly #folder: string;
  readonly #path: string;

  /** `folder`: the identity's folder. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, KNOWN_ANSWERS);
  }

  /** Returns the last answer of the server at an address, if it is known. */
  async find(address: Address): Promise<KnownAnswer | undefined> {
    const where = serverKey(address);
    return (await this.#load()).find((line) => line.where === where);
  }

  /** Keeps an answer in place of earlier ones from the same address. Does nothing if the folder cannot be changed. */
  async keep(address: Address, { port, certificate }: KnownAnswer): Promise<void> {
    const line = { where: serverKey(address), port, certificate };
    const known = await this.find(address);
    if (known?.port === port && equalBytes(known.certificate, certificate)) return;
    await this.#replace(line.where, [line]);
  }

  /** Removes the answer from an address. Does nothing if the folder cannot be changed. */
  async forget(address: Address): Promise<void> {
    if (await this.find(address) !== undefined) await this.#replace(serverKey(address), []);
  }

  async #replace(where: string, by: readonly KeptAnswer[]): Promise<void> {
    const replace = async () => {
      const others = (await this.#load()).filter((line) => line.where !== where);
      let text = "";
      for (const line of [...by, ...others].slice(0, MAX_ANSWERS)) {
        const formatted = format(line);
        if (text.length + formatted.length <= MAX_SMALL_FILE) text += formatted;
      }
      await writePrivateFile(this.#path, text);
    };
    await withFolderLock(this.#folder, replace).catch(() => undefined);
  }

  async #load(): Promise<KeptAnswer[]> {
    const text = await readTextFileIfThere(this.#path).catch(() => undefined);
    return (text ?? "").split("\n").flatMap(parse);
  }
}

function format({ where, port, certificate }: KeptAnswer): string {
  return `${where} ${port} ${toHex(certificate)}\n`;
}

/** No line if the text is not one. */
function parse(text: string): KeptAnswer[] {
  const [where = "", digits = "", hex = "", surplus] = text.split(" ");
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0;
  const certificate = fromHex(hex);
  const isWhole = surplus === undefined && port >= 1 && port <= MAX_PORT &&
    certificate !== undefined && certificate.length > 0;
  return isWhole ? [{ where, port, certificate }] : [];
}
