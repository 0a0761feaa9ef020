/** A private CA, and certificates that it issues, like an operator's. */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { toPem } from "../../../protocol/encoding/pem.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const NOT_BEFORE = new Date("2020-01-01T00:00:00Z");
const NOT_AFTER = new Date("2100-01-01T00:00:00Z");

const IP = /^[\d.]+$|:/;

/** In PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface Wish {
  readonly names: readonly string[];
  readonly notAfter?: Date;
}

export class Authority {
  readonly #keys: CryptoKeyPair;
  readonly #certificate: X509Certificate;
  #serial = 1;

  private constructor(keys: CryptoKeyPair, certificate: X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async create(): Promise<Authority> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...{ serialNumber: "01", name: "CN=An authority", notBefore: NOT_BEFORE },
      ...{ notAfter: NOT_AFTER, signingAlgorithm: ALGORITHM, keys },
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    });
    return new Authority(keys, certificate);
  }

  /** Its own certificate, in PEM. */
  get certificate(): string {
    return this.#certificate.toString("pem");
  }

  /** A certificate for a new key, followed by the CA's own, as in a chain. */
  async issue({ names, notAfter = NOT_AFTER }: Wish): Promise<Issued> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const certificate = await this.#sign(keys.publicKey, names, notAfter);
    const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return {
      certificate: `${certificate.toString("pem")}\n${this.certificate}\n`,
      key: toPem("PRIVATE KEY", new Uint8Array(pkcs8)),
    };
  }

  async #sign(publicKey: CryptoKey, names: readonly string[], notAfter: Date) {
    return await X509CertificateGenerator.create({
      serialNumber: `${++this.#serial}`.padStart(2, "0"),
      ...{ subject: "CN=A server", issuer: this.#certificate.subject, notBefore: NOT_BEFORE },
      ...{ notAfter, signingKey: this.#keys.privateKey, publicKey, signingAlgorithm: ALGORITHM },
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        ...(names.length === 0 ? [] : [
          new SubjectAlternativeNameExtension(
            names.map((value) => ({
              type: IP.test(value) ? "ip" as const : "dns" as const,
              value,
            })),
          ),
        ]),
      ],
    });
  }
}
