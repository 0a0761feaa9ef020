/**
 * Uploads and downloads that fail, for an access log: refused, damaged, too large, interrupted.
 *
 * @module
 */
import type { MonitorListener } from "../monitor/monitor.ts";
import type { AccessListener } from "./access.ts";

/** Reports the transfers of both protocols that fail, without those of packs. */
export function failedTransfers(report: AccessListener): MonitorListener {
  return {
    transferEnded({ protocol, user, address }, { direction, name, bytes }, outcome) {
      if (typeof outcome !== "object") return;
      const { code } = outcome;
      // Over protocol 4, it is reported with the answer: most of these requests begin no transfer.
      if (protocol === 4 && code === "not-allowed") return;
      const method = direction === "upload" ? "put" : "get";
      report({ method, protocol, user: user?.name ?? "", address, name, bytes, code });
    },
  };
}
