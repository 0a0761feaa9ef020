/**
 * What holds for everybody and may be changed while the server runs.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { RegistrationMode } from "../catalog/accounts.ts";

export interface SettingChanges {
  /** Those that are not named stay as they are; at the start, as their defaults. */
  readonly limits?: Partial<Limits>;
  /** Who may register, by either protocol; everybody, unless it is ever said. */
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
