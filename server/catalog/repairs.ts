/**
 * Repairs that are under way, so that one that was cut off can be finished.
 *
 * @module
 */

/** Something that is put aside since it is not what was stored. */
export interface Repair {
  readonly path: string;
  /** Where it is moved, if there is anything to move. */
  readonly movedTo?: string | undefined;
  /** What is written down of it, a JSON object. */
  readonly record: string;
}

export interface Repairs {
  /** Keeps a repair until it is ended. */
  begin(repair: Repair): Promise<void>;
  /** Those that were begun and not ended. */
  list(): Promise<Repair[]>;
  /** Forgets a repair and, unless its file `isBack`, the file, as `Files.forget` does. */
  end(path: string, options?: { readonly isBack: boolean }): Promise<void>;
}
