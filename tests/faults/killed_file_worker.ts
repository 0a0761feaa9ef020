/**
 * The thread of client/local/file_thread.ts, whose calls to the C library are counted for `killed_client.ts`. It begins
 * with the calls of the main thread so far: `?at=NUMBER&calls=NUMBER`.
 */
import { CallCounter } from "./call_counter.ts";

const { searchParams } = new URL(self.location.href);
new CallCounter(Number(searchParams.get("at")), Number(searchParams.get("calls"))).countLibrary();
await import("../../client/local/file_worker.ts");
