/**
 * Uploads that fail, for an access log: refused, damaged, too large, interrupted.
 *
 * @module
 */
import type { MonitorListener } from "../monitor/monitor.ts";
import type { AccessListener } from "./access.ts";

/** Reports the uploads of both protocols that fail, without those of packs. */
export function failedUploads(report: AccessListener): MonitorListener {
  return {
    transferEnded({ protocol, user, address }, { direction, name, bytes }, outcome) {
      if (direction !== "upload" || typeof outcome !== "object") return;
      const { code } = outcome;
      // Over protocol 4, it is reported with the answer: most of these requests begin no upload.
      if (protocol === 4 && code === "not-allowed") return;
      report({
        ...{ method: "put", protocol, user: user?.name ?? "", address, name, bytes, code },
      });
    },
  };
}
