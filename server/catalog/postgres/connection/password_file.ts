/**
 * Password files of PostgreSQL: lines `host:port:database:user:password` (PostgreSQL documentation, "The Password File").
 *
 * @module
 */

/** The connection that needs a password. */
export interface PasswordQuery {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** The host that stands for Unix sockets in a password file. */
const LOCAL = "localhost";
const ANY = "*";
/** The fields of a line before the password. */
const KEYS = 4;

/** The password of the first line that matches. A backslash escapes a colon or a backslash. */
export function findPassword(text: string, query: PasswordQuery): string | undefined {
  const host = query.host.startsWith("/") ? [query.host, LOCAL] : [query.host];
  const wanted = [host, [`${query.port}`], [query.database], [query.user]];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = line.match(/(?:\\.|[^:\\])*(?::|$)/gs)?.map((field) => field.replace(/:$/, ""));
    if (fields === undefined || fields.length <= KEYS) continue;
    const [keys, password] = [fields.slice(0, KEYS), fields[KEYS] as string];
    if (keys.every((key, i) => key === ANY || wanted[i]?.includes(unescape(key)))) {
      return unescape(password);
    }
  }
  return undefined;
}

function unescape(field: string): string {
  return field.replace(/\\(.)/gs, "$1");
}
