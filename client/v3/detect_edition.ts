/**
 * Detects which edition a server speaks.
 *
 * @module
 */
import { type Abortable, throwIfAborted, whenAborted } from "../../protocol/abort.ts";
import type { Address } from "../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { type Edition, FIELDS } from "../../protocol/v3/editions/edition.ts";
import { EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { encodeRequest } from "../../protocol/v3/messages.ts";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { UsageError } from "../../protocol/errors.ts";
import {
  CLIENT_ID_SIZE,
  decodeResponseHeader,
  isTlsAlert,
  RESPONSE_HEADER_SIZE,
} from "../../protocol/header.ts";
import { connect, type Timeouts, tlsPort } from "../net/dial.ts";
import type { Traceable } from "../net/wire_trace.ts";

/** The time to wait for an answer, in milliseconds. A server may ignore a request that it does not know. */
const SILENCE_MS = 2000;

export interface Detected {
  readonly edition: Edition;
  /** Whether the server's answer fits only this edition. Otherwise no other edition was left. */
  readonly certain: boolean;
  /** The id that came with the denial. Some servers have registered the name under it. */
  readonly deniedId?: Bytes;
}

interface ReconnectAnswer {
  readonly code: number;
  /** The client id after the header, if any. */
  readonly clientId: Bytes | undefined;
}

interface DetectOptions extends Traceable, Abortable {
  readonly server: Address;
  readonly userName: string;
}

/**
 * Asks to reconnect in each edition, over a connection of its own. A server that understands accepts or denies with a
 * code that identifies the edition, and keeps nothing. An edition without reconnection cannot be tested and is assumed
 * if the server understood none of the others. Throws as {@link connect} does.
 */
export async function detectEdition(
  { server, userName, tracer, signal }: DetectOptions,
  clientId: Bytes | undefined,
  timeouts: Timeouts,
): Promise<Detected> {
  const name = encodeTextField(userName, FIELDS.name.size);
  if (name === undefined) throw new UsageError("bad-user-name", "the user name is too long");
  const request = {
    kind: "reconnect",
    clientId: clientId ?? crypto.getRandomValues(new Uint8Array(CLIENT_ID_SIZE)),
    name,
  } as const;
  const asked = new Set<number>();
  for (const edition of EDITIONS) {
    const code = edition.requests.reconnect?.code;
    if (code === undefined || asked.has(code)) continue;
    asked.add(code);
    const trace = tracer?.();
    const bytes = encodeRequest(edition, request);
    trace?.({ from: "client", kind: request.kind, code, size: bytes.length });
    const answer = await ask(server, bytes, timeouts, signal);
    if (answer !== undefined) {
      trace?.({ from: "server", kind: "answer", code: answer.code, size: RESPONSE_HEADER_SIZE });
    }
    const found = EDITIONS.find(({ requests, responses }) =>
      requests.reconnect?.code === code && answer !== undefined &&
      [responses.reconnected?.code, responses.denied?.code].includes(answer.code)
    );
    if (found === undefined) continue;
    const isDenied = answer?.code === found.responses.denied?.code;
    const deniedId = isDenied ? answer?.clientId : undefined;
    return { edition: found, certain: true, ...(deniedId && { deniedId }) };
  }
  const left = EDITIONS.find(({ requests }) => requests.reconnect === undefined);
  if (left === undefined) throw new RangeError("cannot detect: every edition was tried");
  return { edition: left, certain: false };
}

/** Returns the answer, or `undefined` without one. */
async function ask(
  server: Address,
  request: Bytes,
  timeouts: Timeouts,
  signal: AbortSignal | undefined,
): Promise<ReconnectAnswer | undefined> {
  using socket = await connect(server, timeouts, { signal });
  const close = () => socket[Symbol.dispose]();
  const timer = setTimeout(close, SILENCE_MS);
  using _stopped = whenAborted(signal, close);
  let answer: Bytes = new Uint8Array(0);
  try {
    for (let done = 0; done < request.length;) done += await socket.write(request.subarray(done));
    for (let wanted = RESPONSE_HEADER_SIZE; answer.length < wanted;) {
      const buffer = new Uint8Array(RESPONSE_HEADER_SIZE + CLIENT_ID_SIZE);
      const size = await socket.read(buffer);
      if (size === null) break;
      answer = concatBytes(answer, buffer.subarray(0, size));
      if (answer.length < RESPONSE_HEADER_SIZE) continue;
      const { payloadSize } = decodeResponseHeader(answer);
      if (payloadSize >= CLIENT_ID_SIZE) wanted = RESPONSE_HEADER_SIZE + CLIENT_ID_SIZE;
    }
  } catch {
    throwIfAborted(signal);
    // The server reset the connection, or the timeout closed it. The bytes so far are the whole answer.
  } finally {
    clearTimeout(timer);
  }
  if (answer.length < RESPONSE_HEADER_SIZE) return undefined;
  const header = decodeResponseHeader(answer);
  if (isTlsAlert(header)) throw tlsPort(server);
  const clientId = answer.slice(RESPONSE_HEADER_SIZE, RESPONSE_HEADER_SIZE + CLIENT_ID_SIZE);
  return {
    code: header.code,
    clientId: clientId.length === CLIENT_ID_SIZE ? clientId : undefined,
  };
}
