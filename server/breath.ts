/**
 * Lets the thread do other work between two slices of a long computation.
 *
 * @module
 */
export function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
