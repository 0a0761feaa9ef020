/**
 * Requests about stored files, by message.
 *
 * @module
 */
import type { Message, MessageKind, MessageOf } from "../../protocol/v4/messages.ts";
import { describe, describeAll, findFile, noSuchFile } from "./descriptions.ts";
import { recheck, sendFile } from "./download.ts";
import { sendContents } from "./fetch.ts";
import { remove, rename, restore } from "./file_changes.ts";
import { sendBelow } from "./list_entries.ts";
import type { RequestContext } from "./request_context.ts";
import { RequestError } from "./request_error.ts";
import { whileWorking } from "./while_working.ts";

/** The number of files in one look-up of a list. */
const PAGE = 500;

type Handlers = {
  readonly [K in MessageKind]?: (session: RequestContext, message: MessageOf<K>) => Promise<void>;
};

/** Each handler sends its answer, or throws why it refuses. */
export const FILE_REQUESTS: Handlers = {
  get: sendFile,
  fetch: sendContents,
  recheck,
  remove: answering(remove),
  rename: answering(rename),
  restore: answering(restore),
  async list(session, { tag, prefix, scope }) {
    if (scope === "below") await sendBelow(session, tag, prefix);
    else {
      // A removed name has no current version to look up.
      const versionOf = ({ version = 0 }) => scope === "removed" ? version : 0;
      await describeAll(session, tag, LISTS[scope](session, prefix), versionOf);
    }
    await session.answers.send({ kind: "done", tag });
  },
  async stat(session, { tag, name, version }) {
    const file = describe(await findFile(session, name, version));
    await session.answers.send({ kind: "file", tag, ...file });
  },
  async versions(session, { tag, name }) {
    const files = versionsOf(session, name);
    await describeAll(session, tag, files, ({ version = 0 }) => version);
    await session.answers.send({ kind: "done", tag });
  },
  async usage({ context, owner: { accountId }, answers }, { tag }) {
    const { store, accounts, limits } = context;
    const { bytes, files, history } = await store.catalog.files.usage(accountId);
    const own = (await accounts.find(accountId))?.quota ?? {};
    const known = (limit: number) => limit === Infinity ? undefined : limit;
    await answers.send({
      ...{ kind: "totals", tag, entries: files, bytes, historyBytes: history.bytes },
      quotaEntries: known(own.files ?? limits.quotaFiles),
      quotaBytes: known(own.bytes ?? limits.quota),
      historyTime: Math.min(limits.historyMs, Number.MAX_SAFE_INTEGER),
    });
  },
};

/** Sends what a change returns, and until then that the server still works on it. */
function answering<M extends Message>(
  change: (session: RequestContext, message: M) => Promise<Message>,
): (session: RequestContext, message: M) => Promise<void> {
  return async (session, message) => {
    const { answers } = session;
    const answer = await whileWorking(answers, message.tag, () => change(session, message));
    await answers.send(answer);
  };
}

const LISTS = { level, removed };

/** The entries and folders directly below a folder. Throws `RequestError` `bad-file-name`. */
async function* level({ context, owner }: RequestContext, prefix: string) {
  if (prefix !== "" && !prefix.endsWith("/")) {
    throw new RequestError("bad-file-name", "the prefix of one level is empty or ends in a slash");
  }
  const { files } = context.store.catalog;
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: Awaited<ReturnType<typeof files.listLevel>> = await files
      .listLevel(owner.accountId, { prefix, after, limit: PAGE });
    yield* page.files;
    after = page.next;
  }
}

async function* removed({ context, owner }: RequestContext, prefix: string) {
  const { files } = context.store.catalog;
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: Awaited<ReturnType<typeof files.listRemoved>> = await files
      .listRemoved(owner.accountId, { prefix, after, limit: PAGE });
    yield* page.files;
    after = page.next;
  }
}

/** Throws `RequestError` `no-such-file`. */
async function* versionsOf({ context, owner }: RequestContext, name: string) {
  const { files } = context.store.catalog;
  for (let before = Infinity;;) {
    const page = await files.versions(owner.accountId, name, { before, limit: PAGE });
    if (page.length === 0 && before === Infinity) throw noSuchFile(name);
    yield* page;
    const last = page.at(-1);
    if (last?.version === undefined) return;
    before = last.version;
  }
}
