/**
 * Requests about the client's own account.
 *
 * @module
 */
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { LINK_LIFE_MS, makeToken } from "../tokens.ts";
import type { Session } from "./session.ts";

export const ACCOUNT_REQUESTS = {
  async link({ context, owner: { clientId }, answers }: Session, { tag }: MessageOf<"link">) {
    const { store: { catalog }, clock } = context;
    const wish = { clientId, uses: 1, lifeMs: LINK_LIFE_MS };
    const { token, expiresAt } = await makeToken(catalog, wish, clock());
    await answers.send({ kind: "token", tag, token, expiresAt });
  },
} as const;
