/**
 * Finds the editions that a request fits: by its code, by the payload's size, and by whether the payload begins with
 * the client's id.
 *
 * @module
 */
import {
  type Edition,
  fixedSize,
  hasPackets,
  type RequestKind,
  type RequestLayout,
} from "./editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import { KEY_SURPLUS } from "./editions/quirks.ts";
import type { RequestHeader } from "../header.ts";
import { isCrcRequest, requestKind } from "./messages.ts";

/** An edition that a request fits. */
export interface EditionMatch {
  readonly edition: Edition;
  readonly kind: RequestKind;
  readonly layout: RequestLayout;
}

/**
 * Returns the editions that a request with this header fits, in the order of `served`. Throws `ProtocolError`
 * `unknown-code` or `bad-payload-size` if none does.
 */
export function matchEditions(served: readonly Edition[], header: RequestHeader): EditionMatch[] {
  const matches = served.flatMap((edition) => {
    const kind = requestKind(edition, header.code);
    const layout = kind && edition.requests[kind];
    return kind === undefined || layout === undefined ? [] : [{ edition, kind, layout }];
  });
  const [first] = matches;
  if (first === undefined) {
    throw new ProtocolError("unknown-code", `cannot read a request with code ${header.code}`);
  }
  const fitting = matches.filter((match) => fits(match, header.payloadSize));
  if (fitting.length === 0) {
    throw new ProtocolError(
      "bad-payload-size",
      `cannot read a ${first.kind} request with a payload of ${header.payloadSize} bytes: ` +
        `its fixed part has ${matches.map(({ layout }) => fixedSize(layout)).join(" or ")}`,
    );
  }
  return fitting;
}

function fits({ edition, kind, layout }: EditionMatch, payloadSize: number): boolean {
  const fixed = fixedSize(layout);
  if (payloadSize === fixed) return true;
  if (kind === "publicKey" && payloadSize === fixed + KEY_SURPLUS) return true;
  // The quirks `empty-crc-payload` and `headerless-blocks`.
  if (payloadSize === 0) return isCrcRequest(kind) || (kind === "sendFile" && hasPackets(edition));
  return layout.content === true && payloadSize > fixed;
}

/** Whether the payload begins with the client's id, which the header also has. */
export function startsWithId({ layout }: EditionMatch): boolean {
  return layout.fields[0] === "clientId";
}

/** Returns the edition whose request codes are nearest to an unknown code, most likely that of the sender. */
export function nearestEdition(served: readonly Edition[], code: number): Edition | undefined {
  const distance = ({ requests }: Edition) =>
    Math.min(...Object.values(requests).map((layout) => Math.abs(layout.code - code)));
  return [...served].sort((a, b) => distance(a) - distance(b))[0];
}
