/**
 * Settings that can change while the server runs.
 *
 * @module
 */
import {
  DEFAULT_LIMITS,
  type LimitDefinition,
  type LimitName,
  LIMITS,
  type Limits,
} from "./limits.ts";
import type { RegistrationMode } from "../catalog/accounts.ts";

/** Settings to change. Omitted ones keep their value, or have their default at the start. */
export interface SettingChanges {
  /** Limits to change. One below its least value, or `NaN`, is a `RangeError`. */
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

  /** Changes all settings in one step. Throws `RangeError` for a value that a limit cannot have, and changes nothing. */
  change({ limits = {}, registration = this.#registration }: SettingChanges): void {
    Object.assign(this.limits, checked(limits));
    this.#registration = registration;
  }
}

/**
 * The limits that are given. A program may compute `NaN` or give `undefined`, and every comparison with them is false:
 * the limit would be off.
 */
function checked(limits: Partial<Limits>): Partial<Limits> {
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const { least = 0 }: LimitDefinition = LIMITS[name as LimitName];
    if (!(value >= least)) throw new RangeError(`${name} is ${value}, but at least ${least}`);
  }
  return Object.fromEntries(given);
}
