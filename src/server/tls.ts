import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';
import { ConfigError, type Config } from '../base/config.js';
import type { ClientCertificate } from '../policy/identity/certificates.js';

/** What Node needs to serve HTTPS. */
export type TlsSettings = Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'requestCert' | 'rejectUnauthorized'>;

/**
 * Reads the files that the configuration names, and checks that they are what they should be.
 *
 * @throws ConfigError with every fault; it names keys, never what the files hold
 */
export async function readTls(config: NonNullable<Config['tls']>): Promise<TlsSettings> {
  const [cert, key, ca] = await Promise.all([
    readPem('cert', config.cert, (pem) => new X509Certificate(pem)),
    readPem('key', config.key, createPrivateKey),
    config.ca === undefined ? undefined : readPem('ca', config.ca, (pem) => new X509Certificate(pem)),
  ]);
  const faults = [cert, key, ca].flatMap((file) => (typeof file === 'string' ? [file] : []));
  if (typeof cert === 'object' && typeof key === 'object' && !cert.value.checkPrivateKey(key.value)) {
    faults.push('"tls.key" is not the key of the certificate in "tls.cert"');
  }
  if (typeof cert === 'string' || typeof key === 'string' || typeof ca === 'string' || faults.length > 0) {
    throw new ConfigError('the configuration', faults);
  }
  return {
    cert: cert.pem,
    key: key.pem,
    ...(ca && { ca: ca.pem }),
    requestCert: config.clientCertificates !== undefined,
    // Where they are optional, a bad one is refused by an answer that says so.
    rejectUnauthorized: config.clientCertificates === 'required',
  };
}

interface Pem<Value> {
  readonly pem: Buffer;
  readonly value: Value;
}

/** @returns what is wrong with it, where it cannot be used */
async function readPem<Value extends X509Certificate | KeyObject>(
  name: string,
  path: string,
  read: (pem: Buffer) => Value,
): Promise<Pem<Value> | string> {
  try {
    const pem = await readFile(path);
    return { pem, value: read(pem) };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return code.startsWith('ERR_')
      ? `"tls.${name}" is a file that holds no PEM text of its kind`
      : `"tls.${name}" is a file that cannot be read: ${code}`;
  }
}

const shown = new WeakMap<Socket, ClientCertificate>();

/** What the other end of a connection has shown. */
export function clientCertificate(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const known = shown.get(socket);
  if (known !== undefined) return known;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const read = { certificate, isAuthorized: socket.authorized };
  shown.set(socket, read);
  return read;
}
