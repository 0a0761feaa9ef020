/**
 * When an upload makes a checkpoint: so often that a server that is killed loses little, so seldom that the rows, whose
 * size is in proportion to the upload's, cost little.
 *
 * @module
 */

/** A checkpoint is considered after every so many bytes, the size at which the disk is synced in the background … */
const CHECKPOINT_SIZE = 64 * 1024 * 1024;
/** … and made if the upload has grown by this part of itself. */
const CHECKPOINT_PART = 1 / 8;

export class CheckpointPace {
  #considered: number;
  #made: number;

  /** `offset`: bytes that are durable from the start. */
  constructor(offset: number) {
    this.#considered = this.#made = offset;
  }

  /** Whether to make a checkpoint of these many bytes. One that fails is not tried again before the upload has grown. */
  isDue(bytes: number): boolean {
    if (bytes - this.#considered < CHECKPOINT_SIZE) return false;
    this.#considered = bytes;
    const isDue = bytes - this.#made >= bytes * CHECKPOINT_PART;
    if (isDue) this.#made = bytes;
    return isDue;
  }
}
