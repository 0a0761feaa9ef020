/**
 * `xfer client put` over protocol 3.
 *
 * @module
 */
import {
  clientFolder,
  findEdition,
  KnownServers,
  type V3ConnectOptions,
  type V3Reason,
} from "../../../client/mod.ts";
import { formatAddress } from "../../../protocol/address.ts";
import { loadProtocol3 } from "../../load_module.ts";
import { reportV3Event } from "../../output/client_events.ts";
import { showProgress } from "../../progress/mod.ts";
import { AUTO, toTimeouts } from "./connect.ts";
import type { Put } from "./put_options.ts";
import { PutTotals } from "./put_summary.ts";

/** Uploads files over protocol 3; returns the exit code. */
export async function putByProtocol3(
  { run, info, options, files, record }: Put,
  why: V3Reason,
): Promise<number> {
  const { edition, quirk, retries, timeout } = options;
  const { server, userName } = info;
  const { reporter, tracer, signal } = run;
  const identityFolder = clientFolder(options.transferInfo);
  const parties = { user: userName, server: formatAddress(server) };
  using _progress = showProgress(reporter, "put");
  let isAuthenticated = false;
  const connect: V3ConnectOptions = {
    ...{ server, userName, tracer, signal },
    identityFolder,
    ...toEditionOption(edition),
    ...(quirk === undefined ? {} : { quirks: new Set(quirk) }),
    timeouts: toTimeouts(timeout),
    onEvent: (event) => {
      reportV3Event(reporter, event, parties);
      isAuthenticated ||= event.type === "keyReceived";
      if (event.type !== "stored") return;
      const { file: { name, size }, crc: cksum } = event;
      record.add({ name, size, cksum });
    },
  };
  const { sendFiles } = await loadProtocol3();
  const outcomes = await sendFiles({ connect, retry: { retries }, files });
  if (isAuthenticated && why === "asked") {
    await new KnownServers(identityFolder).keepProtocol3(server);
  }
  const totals = new PutTotals();
  for (const outcome of outcomes) totals.add(outcome);
  return totals.report(reporter);
}

function toEditionOption(name: string | undefined): Pick<V3ConnectOptions, "edition"> {
  if (name === AUTO) return { edition: AUTO };
  const edition = name === undefined ? undefined : findEdition(name);
  return edition === undefined ? {} : { edition };
}
