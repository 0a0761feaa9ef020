/**
 * Parsers of the values of settings. All throw commander's `InvalidArgumentError`, with the expected form.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { type Address, MAX_PORT, parseAddress } from "../../protocol/address.ts";
import {
  type AdminAddress,
  type Advertised,
  type Edition,
  EDITIONS,
  findEdition,
  HOOK_KINDS,
  type HookKind,
  type ListenOptions,
  type Network,
  parseNetwork,
} from "../../server/mod.ts";
import { parseQuantity } from "../arguments/quantities.ts";

export function parseFolder(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected the path of a folder.");
}

export const POSTGRES = /^postgres(?:ql)?:\/\//;
export const S3 = /^s3:\/\//;

/** The URL of a store; `undefined` for the one in the data folder. The store itself judges the rest of the URL. */
export function parseStore(
  text: string,
  local: string,
  url: RegExp,
  form: string,
): string | undefined {
  if (text === local) return undefined;
  if (url.test(text)) return text;
  throw new InvalidArgumentError(`Expected ${local} or ${form}.`);
}

export function parseKeep(text: string): number {
  const count = parseQuantity(text, "count", 1);
  if (Number.isFinite(count)) return count;
  throw new InvalidArgumentError("Expected a number such as 14.");
}

/** An empty text means no path. */
export function parsePath(text: string): string | undefined {
  return text === "" ? undefined : text;
}

export function parseListen(text: string): ListenOptions[] {
  return text.trim().split(/\s+/).map((one) => {
    const [where = "", editions] = one.split(/=(.*)/s);
    const address = parseAddress(where);
    if (address === undefined) {
      throw new InvalidArgumentError("Expected HOST:PORT, such as 0.0.0.0:1256 or [::]:1256.");
    }
    return editions === undefined ? address : { ...address, editions: parseEditions(editions) };
  });
}

export function parseTlsListen(text: string): Address | "beside" | "none" {
  if (text === "none" || text === "beside") return text;
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError('Expected HOST:PORT, such as 0.0.0.0:1257, "beside" or "none".');
}

/** An empty text means none. */
export function parseAdminListen(text: string): AdminAddress[] {
  return wordsIn(text).map((one) => {
    if (/^unix:./s.test(one)) return { path: one.slice("unix:".length) };
    const address = parseAddress(one);
    if (address !== undefined) return address;
    throw new InvalidArgumentError(
      "Expected HOST:PORT or unix:PATH, such as 127.0.0.1:9256 or unix:/run/xfer/admin.sock.",
    );
  });
}

/** An empty text means the host name. */
export function parseServerName(text: string): string | undefined {
  if (text === "") return undefined;
  if (/^[\w.-]{1,63}$/.test(text)) return text;
  throw new InvalidArgumentError(
    "Expected 1 to 63 letters, digits, dots, hyphens and underscores.",
  );
}

/** An empty text means no receiver. */
export function parseHookUrl(text: string): string | undefined {
  if (text === "") return undefined;
  if (/^https?:\/\/./.test(text)) return text;
  throw new InvalidArgumentError("Expected a URL, such as https://example.org/xfer.");
}

export function parseHookEvents(text: string): HookKind[] {
  const kinds = text.split(",");
  const isKind = (kind: string): kind is HookKind => HOOK_KINDS.some((one) => one === kind);
  if (kinds.every(isKind)) return kinds;
  throw new InvalidArgumentError(
    `Expected one or more of ${HOOK_KINDS.join(", ")}, separated by commas.`,
  );
}

/** An empty text means the default. */
export function parseAdvertised(text: string): Advertised | undefined {
  if (text === "") return undefined;
  const [where = "", tls] = text.split(/,(.*)/s);
  const address = parseAddress(where);
  const tlsPort = tls === undefined ? "next" : parseAddress(`host:${tls}`)?.port;
  const hasNext = address !== undefined && address.port < MAX_PORT;
  if (address?.port && tlsPort && (tlsPort !== "next" || hasNext)) return { address, tlsPort };
  throw new InvalidArgumentError(
    "Expected HOST:PORT or HOST:PORT,TLS-PORT, such as files.example.org:2256,2257.",
  );
}

/** An empty text means none. */
export function parseNetworks(text: string): Network[] {
  return wordsIn(text).map((one) => {
    const network = parseNetwork(one);
    if (network !== undefined) return network;
    throw new InvalidArgumentError("Expected ADDRESS/BITS, such as 10.0.0.0/24 or fd00::/64.");
  });
}

export function parseEditions(text: string): Edition[] {
  return text.split(",").map((name) => {
    const edition = findEdition(name);
    if (edition !== undefined) return edition;
    throw new InvalidArgumentError(
      `Expected one or more of ${
        EDITIONS.map(({ name }) => name).join(", ")
      }, separated by commas.`,
    );
  });
}

export function oneOf<T extends string>(choices: readonly T[], text: string): T {
  const choice = choices.find((choice) => choice === text);
  if (choice !== undefined) return choice;
  throw new InvalidArgumentError(`Expected one of ${choices.join(", ")}.`);
}

/** The texts between spaces. */
function wordsIn(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
