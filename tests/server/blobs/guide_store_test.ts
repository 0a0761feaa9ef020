/** The blob store in docs/library.md passes the suite. */
import type { BlobStore } from "../../../server/blobs/blob_store.ts";
import { fencesIn } from "../../support/markdown.ts";
import { blobStoreSuite } from "./suite.ts";

const ROOT = new URL("../../../", import.meta.url);

const guide = await Deno.readTextFile(new URL("docs/library.md", ROOT));
const block = fencesIn(guide).find(({ text }) => text.includes("implements BlobStore"))?.text ?? "";
const source = block.replace("@xfer/xfer/blobs", new URL("server/blobs/mod.ts", ROOT).href);
const url = `data:application/typescript,${
  encodeURIComponent(`${source}\nexport { MemoryBlobs }`)
}`;
const { MemoryBlobs } = await import(url) as { readonly MemoryBlobs: new () => BlobStore };

blobStoreSuite("MemoryBlobs of the guide", () => {
  const blobs = new MemoryBlobs();
  return { open: () => Promise.resolve(blobs) };
});
