/**
 * Requests about the client's own account.
 *
 * @module
 */
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { LINK_LIFE_MS, tryToMakeToken } from "../accounts/tokens.ts";
import { Refusal } from "./request_error.ts";
import type { Session } from "./request_context.ts";

export const ACCOUNT_REQUESTS = {
  async link({ context, owner: { clientId, key }, answers }: Session, { tag }: MessageOf<"link">) {
    const { store: { catalog }, clock } = context;
    const wish = { clientId, uses: 1, lifeMs: LINK_LIFE_MS };
    const made = await tryToMakeToken(catalog, wish, clock(), key);
    // Within the second before its operator's word holds, a link would outlive the key.
    if (made === undefined) throw new Refusal("not-authenticated", "the account may not be linked");
    await answers.send({ kind: "token", tag, ...made });
  },
} as const;
