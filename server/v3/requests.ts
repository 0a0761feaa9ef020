/**
 * The handlers of requests over protocol 3. A handler takes a request and returns the response. None uses a socket.
 *
 * @module
 */
import { aesKeySize } from "../../protocol/v3/server_session.ts";
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { decodeTextField } from "../../protocol/v3/text_field.ts";
import { isUserName, printable } from "../../protocol/printable.ts";
import { ProtocolError, reasonWithPathOf } from "../../protocol/errors.ts";
import type { Request, Response, SendFile } from "../../protocol/v3/messages.ts";
import { storedName } from "../../protocol/v3/stored_name.ts";
import { countRegistration, noteSeen, pendingBefore } from "../accounts/registration.ts";
import type { V3Context } from "./context.ts";
import type { Peer } from "./peer.ts";
import { LimitError } from "../limits/limits.ts";
import { toStoredProfile } from "./client_profile.ts";
import { CatalogRefusal } from "../catalog/refusal.ts";
import { mayYield } from "../catalog/accounts.ts";
import { commitFile } from "../uploads/commit.ts";

type NonFileRequest = Exclude<Request, SendFile>;
type RequestOf<K extends NonFileRequest["kind"]> = Extract<NonFileRequest, { readonly kind: K }>;
type Handler<K extends NonFileRequest["kind"]> = (
  context: V3Context,
  peer: Peer,
  request: RequestOf<K>,
) => Promise<Response>;

const GENERAL_ERROR: Response = { kind: "generalError" };

const handlers: { readonly [K in NonFileRequest["kind"]]: Handler<K> } = {
  async register(context, peer, { clientId: claimedId, name: field }) {
    const { store, random, registration, log } = context;
    await countRegistration(context, peer);
    const name = decodeTextField(field);
    const now = context.clock();
    const id = random.clientId();
    const reserved = await context.shared.reservedIds.ofName(name);
    const accepted = registration() === "open" && isUserName(name) &&
      await store.catalog.accounts.registerV3({
        ...{ id, name, now, storedProfile: toStoredProfile(peer.profile) },
        expiredBefore: pendingBefore(context),
        claimedIds: [claimedId, ...reserved.map((one) => one.claimedId)],
      });
    if (!accepted) {
      log.warn("Refused to register {name} from {address}: {reason}", {
        event: "client.refused",
        name: printable(name),
        address: peer.address,
        reason: registration() === "open"
          ? "the name is taken or invalid"
          : "new accounts need protocol 4, or registration is closed",
      });
      return { kind: "refused" };
    }
    log.info("Registered {name} with id {client} from {address}", {
      event: "client.registered",
      name,
      client: toHex(id),
      address: peer.address,
    });
    peer.live.user = { client: toHex(id), name };
    return { kind: "registered", clientId: id };
  },

  async publicKey(context, peer, { clientId, name: field, publicKey }) {
    const { store, log, failedSignIns } = context;
    failedSignIns.check(peer.origin);
    const name = decodeTextField(field);
    const now = context.clock();
    const wrapped = await freshKey(context, peer, publicKey);
    const reserved = await context.shared.reservedIds.find(clientId);
    const outcome = isUserName(name)
      ? await store.catalog.accounts.setPublicKey({
        ...{ id: clientId, name, publicKey, now, storedProfile: toStoredProfile(peer.profile) },
        expiredBefore: pendingBefore(context),
        reservedFor: reserved?.name === name ? reserved.claimedId : undefined,
      })
      : "unknown";
    const properties = { name: printable(name), client: toHex(clientId), address: peer.address };
    if (outcome === "unknown" || outcome === "disabled") {
      log.warn("Refused a public key for {name} ({client}) from {address}: {reason}", {
        event: "key.refused",
        ...properties,
        reason: outcome === "unknown"
          ? "no account has this id and name"
          : "the account is disabled",
      });
      if (outcome === "unknown") await failedSignIns.fail(peer.origin);
      return GENERAL_ERROR;
    }
    await context.shared.reservedIds.deleteName(name);
    if (outcome === "replaced") {
      log.warn("Replaced the public key of {name} ({client}) from {address}", {
        event: "key.replaced",
        ...properties,
      });
    }
    await context.sessionKeys.set(peer, clientId, wrapped.aesKey);
    peer.live.user = { client: properties.client, name };
    return { kind: "keyReceived", clientId, wrappedKey: wrapped.wrappedKey };
  },

  async reconnect(context, peer, { clientId, name: field }) {
    const { store, log, failedSignIns } = context;
    failedSignIns.check(peer.origin);
    const name = decodeTextField(field);
    const client = await store.catalog.accounts.find({ id: clientId });
    const properties = { name: printable(name), client: toHex(clientId), address: peer.address };
    if (client?.name !== name || client.publicKey === undefined) {
      log.info("Denied reconnecting as {name} ({client}) from {address}: {reason}", {
        event: "client.denied",
        ...{ ...properties, reason: "no such account or key" },
      });
      await failedSignIns.fail(peer.origin);
      return { kind: "denied", clientId: await reserveId(context, peer, name, clientId) };
    }
    if (client.disabled) {
      log.warn("Denied reconnecting as {name} from {address}: {reason}", {
        event: "client.denied",
        ...{ ...properties, reason: "the account is disabled" },
      });
      return GENERAL_ERROR;
    }
    const { aesKey, wrappedKey } = await freshKey(context, peer, client.publicKey);
    noteSeen(context, client);
    await context.sessionKeys.set(peer, clientId, aesKey);
    peer.live.user = { client: properties.client, name };
    log.info("Reconnected {name} from {address}", {
      event: "client.reconnected",
      ...properties,
    });
    return { kind: "reconnected", clientId, wrappedKey };
  },

  async crcValid(context, peer, { clientId, fileName }) {
    if (await context.sessionKeys.find(peer, clientId) === undefined) return GENERAL_ERROR;
    const file = await context.unverified.take(clientId, storedName(fileName), peer);
    if (file === undefined) return GENERAL_ERROR;
    if (!file.intact) {
      await context.unverified.discard(file);
      return GENERAL_ERROR;
    }
    // Nothing else of the file: the catalog's threads get what is given here.
    const { accountId, name, staged, size, crc, reservation } = file;
    const received = { accountId, name, staged, size, crc, reservation, storedAt: context.clock() };
    try {
      await commitFile(context, { name: file.user, address: peer.address }, received);
      file.transfer.end("completed");
    } catch (error) {
      file.transfer.end({ code: error instanceof LimitError ? "over-limit" : "cannot-store" });
      throw error;
    }
    await context.disputes.end(file);
    // From now on, the client gets the kind of checksum that it has accepted.
    const isZlib = peer.profile.quirks.has("zlib-crc") !== file.isOtherChecksumSent;
    peer.noteQuirk("zlib-crc", isZlib);
    return { kind: "messageReceived", clientId };
  },

  crcInvalid: drop,
  crcGivenUp: drop,
};

/**
 * The response to any request except a file. Logs internal failures and answers them with a general error. Throws
 * `LimitError`.
 */
export async function handle(
  context: V3Context,
  peer: Peer,
  request: NonFileRequest,
): Promise<Response> {
  try {
    return await (handlers[request.kind] as Handler<NonFileRequest["kind"]>)(
      context,
      peer,
      request,
    );
  } catch (error) {
    if (error instanceof LimitError) throw error;
    const known = error instanceof ProtocolError || error instanceof CatalogRefusal;
    context.log[known ? "warn" : "error"]("Could not answer {request} from {address}: {reason}", {
      event: known ? "request.refused" : "request.failed",
      request: request.kind,
      address: peer.address,
      reason: reasonWithPathOf(error),
    });
    return GENERAL_ERROR;
  }
}

async function freshKey(context: V3Context, peer: Peer, publicKey: Bytes) {
  const aesKey = context.random.aesKey(aesKeySize(peer.profile));
  return { aesKey, wrappedKey: await context.random.wrap(publicKey, aesKey) };
}

/**
 * A new id for a client that was denied. Some clients continue under it, others register again. The id is only usable
 * if the name is free, or if its registration is the client's own or has expired.
 */
async function reserveId(
  context: V3Context,
  peer: Peer,
  name: string,
  claimedId: Bytes,
): Promise<Bytes> {
  const id = context.random.clientId();
  if (context.registration() !== "open" || !isUserName(name)) return id;
  const holder = await context.store.catalog.accounts.find({ name });
  if (holder === undefined || mayYield(holder, pendingBefore(context), [claimedId])) {
    const storedProfile = toStoredProfile(peer.profile);
    await context.shared.reservedIds.add(id, { name, claimedId, storedProfile });
  }
  return id;
}

/**
 * Discards a file that the client does not want to store. If it is already gone, that is fine: some clients ask twice.
 */
async function drop(
  context: V3Context,
  peer: Peer,
  { kind, clientId, fileName }: RequestOf<"crcInvalid" | "crcGivenUp">,
): Promise<Response> {
  if (await context.sessionKeys.find(peer, clientId) === undefined) return GENERAL_ERROR;
  const file = await context.unverified.take(clientId, storedName(fileName), peer);
  if (file?.intact) await context.disputes.note(file);
  file?.transfer.end({ code: "mismatch" });
  if (file !== undefined) await context.unverified.discard(file);
  const who = file === undefined ? "account {client}" : "{user}";
  context.log.info(`Discarded {file} for ${who} from {address}: {reason}`, {
    event: "file.dropped",
    ...(file === undefined ? {} : { user: file.user }),
    file: printable(decodeTextField(fileName)),
    client: toHex(clientId),
    address: peer.address,
    reason: kind === "crcGivenUp" ? "the client gave up" : "the client will send it again",
  });
  return { kind: "messageReceived", clientId };
}
