/**
 * Settings that can change while the server runs.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { RegistrationMode } from "../catalog/accounts.ts";

/** Settings to change. Omitted ones keep their value, or have their default at the start. */
export interface SettingChanges {
  /** Limits to change. */
  readonly limits?: Partial<Limits>;
  /** The registration mode of both protocols; `open` by default. */
  readonly registration?: RegistrationMode;
}

export class LiveSettings {
  /** The current limits, always the same object. Code reads a limit here each time it applies it. */
  readonly limits: Limits = { ...DEFAULT_LIMITS };
  #registration: RegistrationMode = "open";

  constructor(changes: SettingChanges) {
    this.change(changes);
  }

  get registration(): RegistrationMode {
    return this.#registration;
  }

  /** Changes all settings in one step. */
  change({ limits = {}, registration = this.#registration }: SettingChanges): void {
    Object.assign(this.limits, limits);
    this.#registration = registration;
  }
}
