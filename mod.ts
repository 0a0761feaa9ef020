/**
 * xfer as a library: start a server, send files to one, or use the protocol alone.
 *
 * ```ts
 * import { sendFiles, Server } from "./mod.ts";
 *
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   dataFolder: "xfer-data",
 * });
 * await sendFiles({
 *   server: server.address,
 *   userName: "Alice",
 *   files: ["report.pdf"],
 *   identityFolder: ".",
 * });
 * ```
 *
 * @module
 */
export * from "./protocol/mod.ts";
export * from "./client/mod.ts";
export * from "./server/mod.ts";
