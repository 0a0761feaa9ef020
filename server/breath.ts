/**
 * Between two slices of a long computation: whatever else the thread has to do.
 *
 * @module
 */
export function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
