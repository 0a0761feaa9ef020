/**
 * Settings that may change while the server runs.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { RegistrationMode } from "../catalog/accounts.ts";

/** Settings to change. What is left out stays as it is; at the start, as its default. */
export interface SettingChanges {
  /** Limits to change. */
  readonly limits?: Partial<Limits>;
  /** Who may register, over either protocol; `open` by default. */
  readonly registration?: RegistrationMode;
}

export class LiveSettings {
  /** Always this same object: all that is done under a limit reads it here, at that moment. */
  readonly limits: Limits = { ...DEFAULT_LIMITS };
  #registration: RegistrationMode = "open";

  constructor(changes: SettingChanges) {
    this.change(changes);
  }

  get registration(): RegistrationMode {
    return this.#registration;
  }

  /** All at once: nobody runs in between. */
  change({ limits = {}, registration = this.#registration }: SettingChanges): void {
    Object.assign(this.limits, limits);
    this.#registration = registration;
  }
}
