/**
 * Names over protocol 4: relative paths. They follow the rules of POSIX. A client on another system refuses to download
 * names that its system cannot hold.
 *
 * @module
 */

/** The longest name, in bytes of UTF-8. */
export const MAX_PATH_NAME = 4096;
/** The most components of a name, because each costs a lookup or a folder where the file is stored. */
export const MAX_PATH_DEPTH = 128;
/** The longest component, in bytes of UTF-8: the limit of common file systems. */
export const MAX_COMPONENT = 255;

const utf8 = new TextEncoder();

/** Why an entry must not have this path as its name, to follow "its name"; `undefined` if it may. */
export function pathNameFault(name: string): string | undefined {
  if (!name.isWellFormed()) return "contains a lone surrogate";
  if (name.includes("\0")) return "contains a NUL";
  if (isTooLong(name)) return `is longer than ${MAX_PATH_NAME} bytes`;
  const components = name.split("/");
  if (components.length > MAX_PATH_DEPTH) return `has more than ${MAX_PATH_DEPTH} parts`;
  for (const component of components) {
    const fault = componentFault(component);
    if (fault !== undefined) return name.includes("/") ? `has a part that ${fault}` : fault;
  }
  return undefined;
}

function componentFault(component: string): string | undefined {
  if (component === "" || component === "." || component === "..") return "is empty, . or ..";
  if (isLonger(component, MAX_COMPONENT)) return `is longer than ${MAX_COMPONENT} bytes`;
  return undefined;
}

export function isTooLong(name: string): boolean {
  return isLonger(name, MAX_PATH_NAME);
}

/** The most bytes of UTF-8 of one unit of a string. */
const MAX_UNIT = 3;

/** Whether a text has more bytes of UTF-8. Most names are too short to be worth encoding. */
function isLonger(text: string, max: number): boolean {
  return text.length * MAX_UNIT > max && utf8.encode(text).length > max;
}

/**
 * The form in which names are compared: Unicode normalization form C (NFC). It can be up to three times as long as the
 * name.
 */
export function comparedForm(name: string): string {
  return name.normalize("NFC");
}
