/**
 * Bounds that every catalog keeps.
 *
 * @module
 */

/** Keys of one account: as many machines as a person has, and then some. */
export const MAX_KEYS = 64;
/** Links of one account that are kept; the oldest makes room. */
export const MAX_LINKS = 8;
/** Invitations that are kept: nobody gives away more one by one. */
export const MAX_INVITATIONS = 10_000;
/** Bytes of a page of digests: those of 32 GiB, so that nearly every file has one page. */
export const CHUNKS_PAGE = 1024 * 1024;
/** Bytes of the largest file that a catalog keeps itself: less than a chunk, so that it comes in one piece. */
export const MAX_INLINE = 256 * 1024;
