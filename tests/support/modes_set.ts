/** Runs work. Returns the modes that it set synchronously, by path. */
export async function modesSet(work: () => Promise<unknown>): Promise<Map<string, number[]>> {
  const { chmodSync } = Deno;
  const modes = new Map<string, number[]>();
  const recording: typeof chmodSync = (path, mode) => {
    modes.set(`${path}`, [...modes.get(`${path}`) ?? [], mode]);
    chmodSync(path, mode);
  };
  Object.assign(Deno, { chmodSync: recording });
  try {
    await work();
  } finally {
    Object.assign(Deno, { chmodSync });
  }
  return modes;
}
