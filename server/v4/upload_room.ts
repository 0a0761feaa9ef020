/**
 * The quota and the disk space that one upload reserves: all at its start, or in steps as it grows.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { LimitError } from "../limits/limits.ts";
import { claimRoom, type QuotaReservation } from "../uploads/quota_reservations.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";
import type { V4Context } from "./context.ts";

/** The bytes that an upload of unknown size reserves at a time, so that few of its chunks need a query. */
export const GROWTH = 64 * 1024 * 1024;

export class UploadRoom {
  readonly #context: V4Context;
  readonly #file: { readonly accountId: Bytes; readonly name: string };
  /** Ends uploads in progress of the same name that can be suspended. */
  readonly #suspendOthers: () => Promise<void>;
  #reservation: QuotaReservation | undefined;
  /** The bytes for which the upload has quota, and those for which it has disk space. */
  #quota = 0;
  #disk = 0;
  #hasEnded = false;

  constructor(
    context: V4Context,
    file: { readonly accountId: Bytes; readonly name: string },
    suspendOthers: () => Promise<void>,
  ) {
    this.#context = context;
    this.#file = file;
    this.#suspendOthers = suspendOthers;
  }

  /** `undefined` if the account has no quota. */
  get reservation(): QuotaReservation | undefined {
    return this.#reservation;
  }

  /** Reserves quota for `size` bytes in all. Throws `LimitError`. */
  async claim(size: number): Promise<void> {
    const file = { ...this.#file, size };
    const others = this.#suspendOthers;
    this.#reservation = await claimRoom(this.#context, file, others, this.#reservation);
    this.#quota = size;
    if (this.#hasEnded) this.#reservation?.end();
  }

  /**
   * Reserves quota and disk space for `size` bytes in all, ahead of them if there is enough. Throws `LimitError` if there
   * is not even enough for `size`.
   */
  async grow(size: number, staged: StagedUpload): Promise<void> {
    await this.#inStep(size, this.#quota, (step) => this.claim(step));
    await this.#inStep(size, this.#disk, async (step) => {
      await staged.grow(step - this.#disk);
      this.#disk = step;
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#reservation?.end();
  }

  async #inStep(
    size: number,
    reserved: number,
    reserve: (size: number) => Promise<void>,
  ): Promise<void> {
    if (size <= reserved) return;
    try {
      await reserve(Math.min(reserved + GROWTH, Math.max(size, this.#context.limits.maxFileSize)));
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      await reserve(size);
    }
  }
}
