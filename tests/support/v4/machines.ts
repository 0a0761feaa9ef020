/** Machines that want to join an account. */
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import type { Fixture } from "./fixture.ts";

export const HOUR = 60 * 60_000;
/** An invitation for one use. */
export const once = { uses: 1, lifeMs: HOUR };

/** A clock that a test can advance. It starts now, like the operator's. */
export class Clock {
  #ahead = 0;
  readonly now = () => Date.now() + this.#ahead;

  forward(ms: number): void {
    this.#ahead += ms;
  }
}

/** The result of a client's sign-in: its id, or the code of the error. */
async function idOf(connecting: Promise<V4Client>, fixture: Fixture, folder: string) {
  try {
    (await connecting)[Symbol.dispose]();
  } catch (error) {
    return (error as { code: string }).code;
  }
  const { clientId } = await new AccountFolder(fixture.folder.join(folder)).loadAccount() ?? {};
  return clientId;
}

/** A machine that uses a token. */
export async function machine(fixture: Fixture, folder: string, name: string, token?: string) {
  const options = await fixture.options(folder, { token });
  return idOf(fixture.client(folder, { ...options, userName: name }), fixture, folder);
}
