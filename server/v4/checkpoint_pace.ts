/**
 * Decides when an upload makes a checkpoint: often enough that little is lost if the server is killed, and rarely enough
 * that the rows cost little, since their size grows with the upload.
 *
 * @module
 */

/** A checkpoint is considered after this many bytes … */
const CHECKPOINT_SIZE = 64 * 1024 * 1024;
/** … and made if the upload has grown by this fraction of itself. */
const CHECKPOINT_PART = 1 / 8;

export class CheckpointPace {
  #considered: number;
  #made: number;

  /** `offset`: bytes that are durable from the start. */
  constructor(offset: number) {
    this.#considered = this.#made = offset;
  }

  /** Whether to make a checkpoint of `bytes` bytes. A failed one is not repeated before the upload has grown. */
  isDue(bytes: number): boolean {
    if (bytes - this.#considered < CHECKPOINT_SIZE) return false;
    this.#considered = bytes;
    const isDue = bytes - this.#made >= bytes * CHECKPOINT_PART;
    if (isDue) this.#made = bytes;
    return isDue;
  }
}
