/**
 * The secret that all servers of a cluster have, and no one else. With it they encrypt what the database must not know.
 *
 * @module
 */
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";

/** The variable with the secret. */
export const CLUSTER_SECRET = "XFER_CLUSTER_SECRET";
/** The variable with the path of a file that contains the secret. */
const CLUSTER_SECRET_FILE = `${CLUSTER_SECRET}_FILE`;

/** The fewest characters. 32 random hexadecimal digits have 128 bits. */
const MIN_LENGTH = 32;
const HINT =
  `Set ${CLUSTER_SECRET}, or ${CLUSTER_SECRET_FILE} to the path of a file, to the same secret on all ` +
  "servers, such as the output of 'openssl rand -hex 32'.";

/** The first byte of a wrapped value: HKDF-SHA-256 (RFC 5869) and AES-256-GCM (NIST SP 800-38D). */
const FORMAT = 1;
const SALT_SIZE = 32;
const NONCE_SIZE = 12;
const KEY_BITS = 256;

export class ClusterSecret {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Throws `ConfigurationError` `cluster-secret-too-short`. */
  static async fromText(text: string): Promise<ClusterSecret> {
    const secret = text.trim();
    if (secret.length < MIN_LENGTH) {
      throw new ConfigurationError(
        "cluster-secret-too-short",
        `the cluster secret has less than ${MIN_LENGTH} characters`,
        { hint: HINT },
      );
    }
    const bytes = new TextEncoder().encode(secret);
    return new ClusterSecret(
      await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey", "deriveBits"]),
    );
  }

  /** Encrypts a value. The result can be decrypted only under the same name. */
  async wrap(name: string, value: Bytes): Promise<Bytes> {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_SIZE));
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv: nonce },
      await this.#derive(name, salt),
      value,
    );
    return concatBytes(new Uint8Array([FORMAT]), salt, nonce, new Uint8Array(sealed));
  }

  /** Decrypts a value. Throws `ConfigurationError` `cluster-secret-wrong`. */
  async unwrap(name: string, wrapped: Bytes): Promise<Bytes> {
    const [salt, nonce, sealed] = [
      wrapped.slice(1, 1 + SALT_SIZE),
      wrapped.slice(1 + SALT_SIZE, 1 + SALT_SIZE + NONCE_SIZE),
      wrapped.slice(1 + SALT_SIZE + NONCE_SIZE),
    ];
    try {
      if (wrapped[0] !== FORMAT) throw new Error("the format is unknown");
      const key = await this.#derive(name, salt);
      return new Uint8Array(
        await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, key, sealed),
      );
    } catch (cause) {
      throw new ConfigurationError(
        "cluster-secret-wrong",
        `the cluster secret cannot decrypt ${printable(name)} in the catalog`,
        { hint: `Set ${CLUSTER_SECRET} to the secret that the other servers have.`, cause },
      );
    }
  }

  /** A key that is derived for a use with this name, 32 bytes. All servers with the secret derive the same. */
  async keyFor(name: string): Promise<Bytes> {
    const info = new TextEncoder().encode(`xfer cluster ${name}`);
    const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(SALT_SIZE), info };
    return new Uint8Array(await crypto.subtle.deriveBits(how, this.#key, KEY_BITS));
  }

  #derive(name: string, salt: Bytes): Promise<CryptoKey> {
    const info = new TextEncoder().encode(`xfer cluster ${name}`);
    return crypto.subtle.deriveKey(
      { name: "HKDF", hash: "SHA-256", salt, info },
      this.#key,
      { name: "AES-GCM", length: KEY_BITS },
      false,
      ["encrypt", "decrypt"],
    );
  }
}

/** The sources of the secret, for tests. */
export interface SecretSources {
  readonly env: (name: string) => string | undefined;
  readonly readTextFile: (path: string) => Promise<string>;
}

const SYSTEM: SecretSources = {
  env: (name) => Deno.env.get(name),
  readTextFile: (path) => Deno.readTextFile(path),
};

/**
 * Reads the secret from the environment or from a file. Throws `ConfigurationError` `cluster-secret-missing`,
 * `cluster-secret-too-short`.
 */
export async function readClusterSecret(
  { env, readTextFile }: SecretSources = SYSTEM,
): Promise<ClusterSecret> {
  const text = env(CLUSTER_SECRET);
  if (text) return await ClusterSecret.fromText(text);
  const path = env(CLUSTER_SECRET_FILE);
  if (!path) {
    throw new ConfigurationError("cluster-secret-missing", "the cluster secret is not set", {
      hint: HINT,
    });
  }
  let read: string;
  try {
    read = await readTextFile(path);
  } catch (cause) {
    throw new ConfigurationError(
      "cluster-secret-missing",
      `cannot read the cluster secret from ${printable(path)}: ${reasonOf(cause)}`,
      { hint: HINT, cause },
    );
  }
  return await ClusterSecret.fromText(read);
}
