/**
 * Which edition a request belongs to, from its bytes: by the code where ranges differ, by the payload's size, and by
 * whether the payload begins with the client's id.
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

/** An edition in which a request can be read. */
export interface EditionMatch {
  readonly edition: Edition;
  readonly kind: RequestKind;
  readonly layout: RequestLayout;
}

/**
 * The editions in which a request with this header can be read, in the order of `served`. Throws `ProtocolError`
 * `unknown-code` or `bad-payload-size` where there is none.
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
  // The quirks empty-crc-payload and headerless-blocks.
  if (payloadSize === 0) return isCrcRequest(kind) || (kind === "sendFile" && hasPackets(edition));
  return layout.content === true && payloadSize > fixed;
}

/** Whether the payload begins with the client's id, once more after the header. */
export function startsWithId({ layout }: EditionMatch): boolean {
  return layout.fields[0] === "clientId";
}

/** The edition whose request codes come nearest to a code that none has: that is most likely what its sender speaks. */
export function nearestEdition(served: readonly Edition[], code: number): Edition | undefined {
  const distance = ({ requests }: Edition) =>
    Math.min(...Object.values(requests).map((layout) => Math.abs(layout.code - code)));
  return [...served].sort((a, b) => distance(a) - distance(b))[0];
}
