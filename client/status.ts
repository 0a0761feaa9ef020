/**
 * The accounts in a folder, and whether the server answers. Changes nothing.
 *
 * @module
 */
import type { Abortable } from "../protocol/abort.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { ConfigurationError, ProtocolError } from "../protocol/errors.ts";
import type { Edition } from "../protocol/v3/editions/edition.ts";
import { formatAddress } from "../protocol/address.ts";
import { printable } from "../protocol/printable.ts";
import { publicKeyOf } from "../protocol/cipher/rsa.ts";
import { fingerprintOfKey } from "../protocol/v4/fingerprint.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "./net/dial.ts";
import { detectEdition } from "./v3/detect_edition.ts";
import { type Identity, IDENTITY_FILE, IdentityFolder } from "./identity/v3_identity.ts";
import type { OpenFolder, Tightened } from "./events.ts";
import type { TransferInfo } from "./identity/transfer_info.ts";
import { ACCOUNT_FILE, AccountFolder } from "./identity/v4_account.ts";
import type { ServerIdentity } from "./identity/known_servers.ts";
import type { ConnectOptions } from "./v4/connect_options.ts";
import { connectVerified } from "./v4/verify_server.ts";
import { chooseProtocol, type V3Reason } from "./protocol_choice.ts";
import type { Traceable } from "./net/wire_trace.ts";

/** An account whose key is in the folder. */
export interface AccountStatus {
  /** The user's name. */
  readonly name: string;
  /** 16 bytes, assigned by the server. */
  readonly clientId: Bytes;
  /** The fingerprint of the public key: `SHA256:` and base64. */
  readonly fingerprint: string;
}

/** Called for identity files and folders with unsafe permissions. */
export type OnPermissionEvent = (event: Tightened | OpenFolder) => void;

/**
 * The account of protocol 4 in a folder, or `undefined`. Throws `ConfigurationError` `bad-identity`,
 * `identity-not-private`.
 */
export async function findV4Account(
  folder: string,
  onOpen: OnPermissionEvent = () => undefined,
): Promise<AccountStatus | undefined> {
  const accounts = new AccountFolder(folder, (path) => onOpen({ type: "tightened", path }));
  const account = await accounts.loadAccount();
  if (account === undefined) return undefined;
  const { publicKey } = await accounts.readKeyOf(account);
  return { ...account, fingerprint: await fingerprintOfKey(publicKey) };
}

/**
 * The account of protocol 3 in a folder, and the name of its server's edition; `undefined` without one. Throws as
 * {@link findV4Account} does.
 */
export async function findV3Account(
  folder: string,
  onOpen: OnPermissionEvent = () => undefined,
): Promise<AccountStatus & { readonly edition: string | undefined } | undefined> {
  const identities = new IdentityFolder(folder, onOpen);
  const identity = await identities.load();
  if (identity === undefined) return undefined;
  const { name, clientId, privateKey } = identity;
  const fingerprint = await fingerprintOfKey(publicKeyOf(privateKey));
  const profile = await identities.loadProfile();
  return { name, clientId, fingerprint, edition: profile?.edition.name };
}

/** The server's answer. */
export type ServerStatus =
  | {
    readonly protocol: 4;
    readonly identity: ServerIdentity;
    /** Whether the server was unknown before. It is not added to `known_servers`. */
    readonly isNew: boolean;
  }
  | {
    readonly protocol: 3;
    readonly why: V3Reason;
    /** The identity that the client knows the server by from protocol 4. Protocol 3 does not check it. */
    readonly known: ServerIdentity | undefined;
    /** `undefined` for a known server whose edition cannot be detected. */
    readonly edition: Edition | undefined;
  };

/** The server to ask, and how. */
export interface ServerStatusOptions extends Traceable, Abortable {
  /** The server and the user. */
  readonly info: TransferInfo;
  /** The protocol to speak; `auto`: 4 if the server is known to speak it or offers it, else 3. */
  readonly asked: "3" | "4" | "auto";
  /** The folder with the identity and `known_servers`. */
  readonly identityFolder: string;
  /** {@link DEFAULT_TIMEOUTS} by default. */
  readonly timeouts?: Partial<Timeouts>;
  /** CA certificates to trust in addition to those that Deno trusts, in PEM. */
  readonly caCerts?: readonly string[] | undefined;
  /** Decides whether to trust an unknown server. */
  readonly onNewServer: ConnectOptions["onNewServer"];
}

/**
 * Asks a server once whether it answers and which protocol it speaks. Registers no account and keeps nothing. Throws
 * `NetworkError` `cannot-connect`; `ProtocolError` `no-known-protocol` for a port that answers in no known protocol;
 * `ConfigurationError` `other-server`, `server-not-trusted`, `server-not-verified`; `UsageError` `downgrade`.
 */
export async function askServer(options: ServerStatusOptions): Promise<ServerStatus> {
  const { info, asked, identityFolder } = options;
  const byProtocol3 = info.secure ? undefined : "possible";
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const choice = await chooseProtocol({
    ...options,
    asked,
    retry: { retries: 0 },
    hasV3Options: false,
  });
  if (choice.protocol === 4) {
    const { server, fingerprint } = info;
    const verifyOptions = { ...options, server, fingerprint, byProtocol3 } as const;
    const { socket, identity, isNew } = await connectVerified(
      verifyOptions,
      timeouts,
      choice.found,
    );
    socket.close();
    return { protocol: 4, identity, isNew };
  }
  const { why, known } = choice;
  const { server } = info;
  // Some servers register the name that they deny. The user's own name would be lost, since nothing is kept here.
  const whom = { ...options, server, userName: `Probe${crypto.randomUUID().replaceAll("-", "")}` };
  const { edition, certain } = await detectEdition(whom, undefined, timeouts);
  if (certain) return { protocol: 3, why, known, edition };
  // The other editions are detected by a request that not every edition has.
  const remembered = (await new IdentityFolder(identityFolder).loadProfile())?.edition;
  if (remembered?.name === edition.name) return { protocol: 3, why, known, edition: undefined };
  const where = formatAddress(server);
  throw new ProtocolError(
    "no-known-protocol",
    `${where} accepts connections but speaks no known protocol`,
    {
      hint:
        `Check the port, or run 'xfer client --edition ${edition.name}' if the server speaks that ` +
        "edition, which cannot be detected.",
    },
  );
}

/** Throws `ConfigurationError` `other-identity` if the folder belongs to another user, over either protocol. */
export async function refuseOtherUser(folder: string, userName: string): Promise<void> {
  const account = await new AccountFolder(folder).loadAccount();
  const identity: Identity | undefined = await new IdentityFolder(folder).load();
  const own = account ?? identity;
  if (own === undefined || own.name === userName) return;
  const file = account === undefined ? IDENTITY_FILE : ACCOUNT_FILE;
  throw new ConfigurationError(
    "other-identity",
    `${file} belongs to the account ${printable(own.name)}, not to ${printable(userName)}`,
    {
      hint: `Use the name ${printable(own.name)}, or another folder for ${printable(userName)}.`,
    },
  );
}
