/**
 * Does what operators ask of all servers of a catalog. A server looks for requests once a second.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import type { OperatorRows } from "../catalog/operator_rows.ts";
import { endConnection } from "../operator/actions.ts";
import { beginCheck } from "./check_report.ts";
import { CHECK, REPORT, writeReport } from "./server_reports.ts";
import type { StatusSource } from "./server_status.ts";

/** The interval, in milliseconds. */
const LOOK_MS = 1000;
/** The most requests in one look. */
const MAX_REQUESTS = 256;

export class RequestWatch implements AsyncDisposable {
  readonly #source: StatusSource;
  readonly #rows: OperatorRows;
  readonly #timer: ReturnType<typeof setInterval>;
  #looking: Promise<void> | undefined;

  constructor(source: StatusSource, rows: OperatorRows) {
    this.#source = source;
    this.#rows = rows;
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /**
   * Does it now, once for all callers that wait. Never rejects: if the catalog does not answer, the next look tries again.
   */
  look(): Promise<void> {
    this.#looking ??= this.#look().catch(() => undefined)
      .finally(() => this.#looking = undefined);
    return this.#looking;
  }

  async #look(): Promise<void> {
    const requests = await this.#rows.asked(MAX_REQUESTS);
    for (const { subject, operator } of requests) {
      if (await this.#do(subject, printable(operator))) await this.#rows.endRequest(subject);
    }
    const looked = requests.map(({ subject }) => subject);
    if (looked.includes(REPORT)) await this.#rows.publish(await writeReport(this.#source, looked));
  }

  /** Returns whether no other server has to do it. */
  async #do(subject: string, operator: string): Promise<boolean> {
    const { context, check } = this.#source;
    switch (subject) {
      case REPORT:
        return false;
      case CHECK:
        if (!context.isHousekeeper()) return false;
        await beginCheck(context, check, operator);
        return true;
      default:
        return endConnection(context, subject, { operator });
    }
  }

  /** Resolves when no look is in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }
}
