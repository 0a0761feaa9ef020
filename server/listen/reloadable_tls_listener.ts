/**
 * The listener of protocol 4, whose certificate can be replaced while it runs.
 *
 * @module
 */
import type { Address } from "../../protocol/address.ts";
import { NetworkError } from "../../protocol/errors.ts";
import type { HelloAnswer } from "../../protocol/hello.ts";
import {
  type AcceptedSocket,
  type Listener,
  listenSecurely,
  type SecureListener,
  type SecureSurroundings,
} from "./listeners.ts";
import type { TlsIdentity } from "./tls/identity.ts";

/**
 * A Deno listener has one certificate for life, so a new listener replaces it. The port is free a few milliseconds
 * later, when the pending accept has ended. Another process may take it in between.
 */
const RELISTEN_MS = 5;
const RELISTEN_TRIES = 2000;

/** Where certificate and key come from. */
export interface IdentitySource {
  /** At the start. */
  readonly load: () => Promise<TlsIdentity>;
  /** At each reload. */
  readonly read: () => Promise<TlsIdentity>;
}

export class ReloadableTlsListener implements Listener {
  readonly address: Address;
  readonly #surroundings: SecureSurroundings;
  readonly #read: () => Promise<TlsIdentity>;
  /** `undefined` between two listeners, and when closed. */
  #listener: SecureListener | undefined;
  /** The current listener, or the last one. */
  #last: SecureListener;
  #closed = false;
  #change = Promise.withResolvers<void>();
  #reloading: Promise<unknown> = Promise.resolve();

  private constructor(
    listener: SecureListener,
    surroundings: SecureSurroundings,
    read: () => Promise<TlsIdentity>,
  ) {
    this.address = listener.address;
    this.#listener = listener;
    this.#last = listener;
    this.#surroundings = surroundings;
    this.#read = read;
  }

  /** Listens as {@link listenSecurely} does. */
  static async open(
    where: Address | "beside",
    surroundings: SecureSurroundings,
    { load, read }: IdentitySource,
  ): Promise<ReloadableTlsListener> {
    const listener = listenSecurely(where, surroundings, await load());
    return new ReloadableTlsListener(listener, surroundings, read);
  }

  get announcement(): Listener["announcement"] {
    return this.#last.announcement;
  }

  get identity(): TlsIdentity {
    return this.#last.identity;
  }

  get helloAnswer(): HelloAnswer {
    return this.#last.helloAnswer;
  }

  async accept(): Promise<AcceptedSocket> {
    for (;;) {
      const listener = this.#listener;
      try {
        if (listener !== undefined) return await listener.accept();
        if (this.#closed) throw new Deno.errors.BadResource("the listener is closed");
      } catch (error) {
        if (this.#closed || listener === this.#listener) throw error;
      }
      if (this.#listener === undefined) await this.#change.promise;
    }
  }

  /**
   * Reads the identity again and uses it for new connections. Open connections continue. Returns `false` if it is
   * unchanged. If reading fails, throws that error and changes nothing. Throws `NetworkError` `cannot-listen` if the
   * port was lost: then no connections are accepted until another call succeeds.
   */
  reload(): Promise<boolean> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  /** Accepts no further connections. */
  close(): void {
    this.#closed = true;
    this.#listener?.close();
    this.#show(undefined);
  }

  async #reload(): Promise<boolean> {
    const identity = await this.#read();
    const same = this.#listener !== undefined && isSame(identity, this.identity);
    if (this.#closed || same) return false;
    this.#listener?.close();
    this.#show(undefined);
    const listener = await this.#listenAgain(identity);
    if (listener === undefined) return false;
    this.#last = listener;
    this.#show(listener);
    return true;
  }

  /** `undefined` if the listener was closed in the meantime. */
  async #listenAgain(identity: TlsIdentity): Promise<SecureListener | undefined> {
    for (let tried = 1;; tried++) {
      await new Promise((resolve) => setTimeout(resolve, tried === 1 ? 0 : RELISTEN_MS));
      if (this.#closed) return undefined;
      try {
        return listenSecurely(this.address, this.#surroundings, identity);
      } catch (error) {
        if (!(error instanceof NetworkError) || tried >= RELISTEN_TRIES) throw error;
      }
    }
  }

  #show(listener: SecureListener | undefined): void {
    this.#listener = listener;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

function isSame(a: TlsIdentity, b: TlsIdentity): boolean {
  return a.certificate === b.certificate && a.key === b.key;
}
