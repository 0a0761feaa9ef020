/**
 * The first words on a connection: the client registers, or logs in.
 *
 * @module
 */
import type { Bytes } from "../../protocol/mod.ts";
import { sign } from "../../protocol/v4/authentication.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import type { Account, AccountKey } from "./account.ts";
import type { Exchange } from "./exchange.ts";

export interface Introduction {
  readonly key: AccountKey;
  /** `undefined` before the registration. */
  readonly account: Account | undefined;
  readonly userName: string;
  /** Of the server, as it was checked; of its name, where it was verified by that. */
  readonly fingerprint: Bytes;
  /** The name by which it was verified. */
  readonly host?: string | undefined;
}

/** Proves who the client is. Throws `RefusedError`. */
export async function introduce(
  exchange: Exchange,
  introduction: Introduction,
): Promise<MessageOf<"welcome">> {
  const { nonce } = await exchange.answerOf(0, "challenge");
  // Whatever else may listen under the same name hears nothing: it is the server that speaks first.
  const { host } = introduction;
  if (host !== undefined) await exchange.send({ kind: "host", tag: 0, name: host });
  return await exchange.askFor(await toRequest(introduction, nonce), "welcome");
}

async function toRequest(
  { key: { privateKey, publicKey: key }, account, userName: name, fingerprint }: Introduction,
  nonce: Bytes,
): Promise<Message> {
  if (account === undefined) {
    const signature = await sign(privateKey, { fingerprint, nonce, key, name });
    return { kind: "register", tag: 0, name, key, signature, token: "" };
  }
  const { clientId } = account;
  const signature = await sign(privateKey, { fingerprint, nonce, key, clientId });
  return { kind: "login", tag: 0, clientId, key, signature };
}
