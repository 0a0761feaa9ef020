/**
 * Bounds that apply to every catalog.
 *
 * @module
 */

/** The most keys of one account, more than anyone has machines. */
export const MAX_KEYS = 64;
/** The most link tokens of one account; a new one discards the oldest. */
export const MAX_LINKS = 8;
/** The most open invitations. No one needs more single ones. */
export const MAX_INVITATIONS = 10_000;
/** The size of a page of digests, in bytes. One page covers a file of 32 GiB. */
export const CHUNKS_PAGE = 1024 * 1024;
/** The largest file that a catalog stores itself, in bytes. It is less than a chunk, so it arrives in one piece. */
export const MAX_INLINE = 256 * 1024;
/** The most versions in the history of an account. Each takes about 500 bytes, besides its content. */
export const MAX_HISTORY = 1_000_000;
/** The most versions that are dropped from a history in one transaction, so that other changes wait for milliseconds. */
export const MAX_DROPPED = 256;
/** The most ids of garbage in the result of a change. */
export const MAX_GARBAGE = 1000;
/** The longest name of an account of protocol 4, in bytes of UTF-8, as its specification says. */
export const MAX_NAME = 4096;
/** The most parts of such a name. */
export const MAX_PARTS = 128;
