/** What is logged while a test runs. */
import { configure, type LogLevel, type LogRecord } from "@logtape/logtape";

/** Hands every record of a level or above to `take`, in place of whoever had them before. */
export function takeLogs(lowestLevel: LogLevel, take: (record: LogRecord) => void): Promise<void> {
  return configure({
    reset: true,
    sinks: { test: take },
    loggers: [
      { category: ["xfer"], lowestLevel, sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["test"] },
    ],
  });
}
