/**
 * Bounds that every catalog keeps.
 *
 * @module
 */

/** The most keys of one account: more than anyone has machines. */
export const MAX_KEYS = 64;
/** The most links of one account; the oldest makes room. */
export const MAX_LINKS = 8;
/** The most invitations: nobody gives away more one by one. */
export const MAX_INVITATIONS = 10_000;
/** Bytes of a page of digests: those of a file of 32 GiB, so nearly every file has one page. */
export const CHUNKS_PAGE = 1024 * 1024;
/** The largest file that a catalog keeps itself, in bytes: less than a chunk, so it arrives in one piece. */
export const MAX_INLINE = 256 * 1024;
