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
      const method = direction === "upload" ? "put" : "get";
      const { code } = outcome;
      report({ method, protocol, user: user?.name ?? "", address, name, bytes, code });
    },
  };
}
