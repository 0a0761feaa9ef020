/**
 * The port where protocol 4 is spoken. What it shows there can be replaced while it is in use.
 *
 * @module
 */
import type { Address } from "../../protocol/address.ts";
import { NetworkError } from "../../protocol/errors.ts";
import type { HelloAnswer } from "../../protocol/hello.ts";
import {
  type AcceptedSocket,
  type Advertised,
  type Listener,
  listenSecurely,
  type SecureListener,
} from "./listeners.ts";
import type { TlsIdentity } from "./tls/identity.ts";

/**
 * A listener of Deno's has one certificate for life, so another one takes its place. The port is free as soon as the
 * pending accept has ended, in a few milliseconds; by then it may be another's, who keeps it for longer.
 */
const RELISTEN_MS = 5;
const RELISTEN_TRIES = 2000;

export class ReloadableTlsListener implements Listener {
  readonly address: Address;
  readonly #plain: Address;
  readonly #advertised: Advertised | undefined;
  readonly #read: () => Promise<TlsIdentity>;
  /** `undefined` between two, and when it is closed. */
  #listener: SecureListener | undefined;
  /** The one that is there, or was there last. */
  #last: SecureListener;
  #closed = false;
  #change = Promise.withResolvers<void>();
  #reloading: Promise<unknown> = Promise.resolve();

  private constructor(
    listener: SecureListener,
    plain: Address,
    advertised: Advertised | undefined,
    read: () => Promise<TlsIdentity>,
  ) {
    this.address = listener.address;
    this.#listener = listener;
    this.#last = listener;
    this.#plain = plain;
    this.#advertised = advertised;
    this.#read = read;
  }

  /** Listens as {@link listenSecurely} does. `read` gives another identity at each reload. */
  static open(
    where: Address | "beside",
    plain: Address,
    identity: TlsIdentity,
    advertised: Advertised | undefined,
    read: () => Promise<TlsIdentity>,
  ): ReloadableTlsListener {
    const listener = listenSecurely(where, plain, identity, advertised);
    return new ReloadableTlsListener(listener, plain, advertised, read);
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
        if (this.#closed) throw new Deno.errors.BadResource("It is closed");
      } catch (error) {
        if (this.#closed || listener === this.#listener) throw error;
      }
      if (this.#listener === undefined) await this.#change.promise;
    }
  }

  /**
   * Reads the identity again and shows it to whom it accepts from now on; connections that are open go on. Resolves with
   * `false` where it is the same. Throws what reading does, and all is as it was; or `NetworkError` `cannot-listen`, and
   * nobody is accepted until another try succeeds.
   */
  reload(): Promise<boolean> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  /** Nobody is accepted any more. */
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

  /** `undefined` where it was closed meanwhile. */
  async #listenAgain(identity: TlsIdentity): Promise<SecureListener | undefined> {
    for (let tried = 1;; tried++) {
      await new Promise((resolve) => setTimeout(resolve, tried === 1 ? 0 : RELISTEN_MS));
      if (this.#closed) return undefined;
      try {
        return listenSecurely(this.address, this.#plain, identity, this.#advertised);
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
