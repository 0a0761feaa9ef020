/**
 * Log lines about one upload that is resumed or suspended.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import type { Log } from "../limits/server_log.ts";
import type { ConnectedPrincipal } from "./request_context.ts";

export class UploadLog {
  readonly #log: Log;
  readonly #properties: {
    readonly file: string;
    readonly client: string;
    readonly user: string;
    readonly address: string;
  };
  readonly #size: number | undefined;

  constructor(
    log: Log,
    { accountId, name: user, address }: ConnectedPrincipal,
    { name, size }: MessageOf<"put">,
  ) {
    this.#log = log;
    this.#properties = { file: printable(name), client: toHex(accountId), user, address };
    this.#size = size;
  }

  resumed(offset: number): void {
    this.#log.info("Resumed {file} for {user} from {address} at {offset} of {size} bytes", {
      event: "file.resumed",
      ...{ ...this.#properties, offset, size: this.#size },
    });
  }

  kept(bytes: number): void {
    const words = "Kept the partial upload of {file} for {user} from {address}";
    this.#log.info(`${words}: {held} of {size} bytes`, {
      event: "file.held",
      ...{ ...this.#properties, held: bytes, size: this.#size },
    });
  }

  notKept(error: unknown): void {
    const words = "Could not keep the partial upload of {file} for {user} from {address}: {reason}";
    this.#log.warn(words, {
      event: "file.not-held",
      ...{ ...this.#properties, reason: printable(String(error)) },
    });
  }
}
