/**
 * Sends planned uploads over the connections of a run.
 *
 * @module
 */
import { endsAll } from "../../protocol/errors.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { PARALLEL_SIZE } from "./parallel_put.ts";
import { type OnResult, PutPipeline } from "./put_pipeline.ts";
import type { RequestMux } from "./request_mux.ts";
import type { Upload } from "./upload.ts";
import { WorkQueue } from "./work_queue.ts";

/** Sends the small entries, each over one of the connections; then each large one over all of them. */
export async function sendUploads(
  pool: ConnectionPool,
  uploads: readonly Upload[],
  onResult: OnResult,
  { onEvent = () => undefined }: ConnectOptions,
): Promise<void> {
  const isLarge = ({ file }: Upload) => pool.count > 1 && file.size >= PARALLEL_SIZE;
  const small = new WorkQueue(uploads.filter((upload) => !isLarge(upload)));
  await pool.share(small, async ({ session }) => {
    await reinspectRequeued(small, onResult);
    await new PutPipeline(session, onEvent, onResult).run(small);
  });
  for (const upload of uploads.filter(isLarge)) {
    try {
      for (;;) {
        const stored = await pool.useAll(async (clients) => {
          await upload.reinspect();
          const muxes = clients.map(({ session }) => session.mux) as [RequestMux];
          return await upload.sendOver(muxes, onEvent);
        });
        if (stored === undefined) {
          upload.restart();
          continue;
        }
        onResult(upload, stored);
        break;
      }
    } catch (error) {
      if (endsAll(error)) throw error;
      onResult(upload, error as Error);
    }
  }
}

/** Inspects requeued files again. A file that can no longer be read gets that error as its result. */
async function reinspectRequeued(queue: WorkQueue<Upload>, onResult: OnResult): Promise<void> {
  for (const upload of queue.takeRequeued()) {
    try {
      await upload.reinspect();
      queue.requeue([upload]);
    } catch (error) {
      onResult(upload, error as Error);
    }
  }
}
