/**
 * What the log has of one upload that is suspended and resumed.
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
    readonly address: string;
  };
  readonly #size: number;

  constructor(
    log: Log,
    { accountId, address }: ConnectedPrincipal,
    { name, size }: MessageOf<"put">,
  ) {
    this.#log = log;
    this.#properties = { file: printable(name), client: toHex(accountId), address };
    this.#size = size;
  }

  resumed(offset: number): void {
    this.#log.info("Goes on with {file} of {client} at {offset} of {size} bytes", {
      event: "file.resumed",
      ...{ ...this.#properties, offset, size: this.#size },
    });
  }

  held(held: number): void {
    this.#log.info("Holds {held} of {size} bytes of {file} of {client}", {
      event: "file.held",
      ...{ ...this.#properties, held, size: this.#size },
    });
  }

  notHeld(error: unknown): void {
    this.#log.warn("Could not hold what came of {file} of {client}: {reason}", {
      event: "file.not-held",
      ...{ ...this.#properties, reason: printable(String(error)) },
    });
  }
}
