/** The bytes of files that are read during an operation. */
export async function countingReads(work: () => Promise<void>): Promise<number> {
  const { read, readSync } = Deno.FsFile.prototype;
  let bytes = 0;
  Deno.FsFile.prototype.read = async function (buffer) {
    const size = await read.call(this, buffer);
    bytes += size ?? 0;
    return size;
  };
  Deno.FsFile.prototype.readSync = function (buffer) {
    const size = readSync.call(this, buffer);
    bytes += size ?? 0;
    return size;
  };
  try {
    await work();
  } finally {
    Object.assign(Deno.FsFile.prototype, { read, readSync });
  }
  return bytes;
}
