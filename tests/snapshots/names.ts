/**
 * Names for values that differ in every run, so that everything else can be compared.
 *
 * Equal values have the same name everywhere, different values different names. If a value has a fixed length, its name
 * has the same length, so that lines break at the same places:
 *
 * | value                               | name                                                                     |
 * | ----------------------------------- | ------------------------------------------------------------------------ |
 * | a fingerprint, `SHA256:` and base64 | `SHA256:fingerprint1...`                                                 |
 * | an account's id, 32 hex digits      | `id1...`                                                                 |
 * | a token, 26 letters and digits      | `token1...`                                                              |
 * | an invitation's id, 12 hex digits   | `invitation1`                                                            |
 * | a blob's name, a UUID               | `blob1...`                                                               |
 * | a port that the system has chosen   | `port1`                                                                  |
 * | the temporary folder                | `/FOLDER...`                                                             |
 * | a moment since the run began        | `YYYY-MM-DDTHH:MM:SSZ`, with a fraction where it has one                 |
 * | a moment in the future              | the same with `in-07-days` or `in-12-hour` as the day                    |
 * | how long a command has run          | `S.SSS s`                                                                |
 * | the size of a certificate's message | `NNN`                                                                    |
 *
 * Everything else stays: sizes, checksums, digests of files, counts, limits, moments before the run, examples of the help.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Examples of tokens in the help. */
const EXAMPLES: ReadonlySet<string> = new Set(["mfzwizltoq2gk3tumuytgnbvgy"]);

interface Kind {
  readonly name: string;
  /** Finds a value. The first group is replaced. */
  readonly pattern: RegExp;
}

const KINDS: readonly Kind[] = [
  { name: "fingerprint", pattern: /(?<=SHA256:)([A-Za-z0-9+/]{43})(?![A-Za-z0-9+/])/g },
  { name: "blob", pattern: /\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/g },
  { name: "id", pattern: /\b([0-9a-f]{32})\b/g },
  { name: "token", pattern: /\b([a-z2-7]{26})\b/g },
  { name: "invitation", pattern: /\b([0-9a-f]{12})\b/g },
  { name: "port", pattern: /(?<=127\.0\.0\.1:|"port":)([1-9]\d{4})\b/g },
];

/** A time, as in events or as on a terminal, whose time zone is UTC here. */
const MOMENT = /(?<!\d)(\d{4}-\d\d-\d\d)(T| )(\d\d:\d\d:\d\d)(\.\d+)?(Z|)/g;
/** The name of a state of a backup. */
const STATE = /(?<!\d)(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\dZ)/g;
/** The time of an event `message`, in words and as JSON. */
const DURATION = /(?<![\d.])\d\.\d{3} s\b/g;
const AFTER = /(?<="after":)[\d.]+/g;
/** The size of a message with a certificate, whose signature varies by a byte. */
const CERTIFICATE = /(?<=helloAnswer,\s{1,4}|"helloAnswer","count":1,"size":)\d{3}\b/g;

export class Names {
  readonly #folder: string;
  readonly #begun: number;
  readonly #now: () => number;
  /** The named values, by kind. */
  readonly #named = new Map<string, Map<string, string>>();

  /** `folder` contains everything. The run starts now. */
  constructor(folder: string, now = Date.now) {
    this.#folder = folder;
    this.#now = now;
    this.#begun = now();
  }

  /** Replaces the values in a text by their names. */
  in(text: string): string {
    let named = text.replaceAll(this.#folder, "/FOLDER".padEnd(this.#folder.length, "."));
    for (const kind of KINDS) {
      named = named.replaceAll(
        kind.pattern,
        (value) => EXAMPLES.has(value) ? value : this.#name(kind.name, value),
      );
    }
    return named.replaceAll(MOMENT, (all, _day, between, _time, fraction = "", zone) => {
      const at = Date.parse(`${all.replace(" ", "T").replace(/Z?$/, "Z")}`);
      const dayName = this.#dayOf(at);
      if (dayName === undefined) return all;
      return `${dayName}${between}HH:MM:SS${fraction.replaceAll(/\d/g, "s")}${zone}`;
    }).replaceAll(STATE, (all, date, hours, minutes, seconds) => {
      const dayName = this.#dayOf(Date.parse(`${date}${hours}:${minutes}:${seconds}`));
      return dayName === undefined ? all : `${dayName}THH-MM-SSZ`;
    }).replaceAll(DURATION, (duration) => duration.replaceAll(/\d/g, "S"))
      .replaceAll(AFTER, "S.SSS").replaceAll(CERTIFICATE, "NNN");
  }

  #name(kind: string, value: string): string {
    const named = this.#named.get(kind) ?? new Map<string, string>();
    this.#named.set(kind, named);
    const name = named.get(value) ?? `${kind}${named.size + 1}`.padEnd(value.length, ".");
    named.set(value, name);
    return name;
  }

  /** A name as long as a date. `undefined` for a moment before the run. */
  #dayOf(at: number): string | undefined {
    // Printed moments have no fraction of a second, or a shortened one.
    if (at < this.#begun - 1000) return undefined;
    const ahead = at - this.#now();
    if (ahead < MINUTE_MS) return "YYYY-MM-DD";
    const isFar = ahead > 2 * DAY_MS;
    const count = Math.round(ahead / (isFar ? DAY_MS : HOUR_MS));
    return `in-${`${count}`.padStart(2, "0")}-${isFar ? "days" : "hour"}`;
  }
}
