import type { X509Certificate } from 'node:crypto';
import type { Identity } from '../../base/context.js';
import { refuse, toIdentity } from './identity.js';

/** A certificate that the other end of a TLS connection has shown. */
export interface ClientCertificate {
  readonly certificate: X509Certificate;
  /** Whether it comes from an authority that is trusted with clients, and is in force. */
  readonly isAuthorized: boolean;
}

/** One for each connection, which may bring many requests. */
const known = new WeakMap<X509Certificate, Identity>();

/**
 * Says whose certificate it is. The subject is its distinguished name, most general part first, such as
 * `O=Example, CN=billing`.
 *
 * @throws GatewayError `UNAUTHENTICATED` where it is not to be believed, or has expired since it was shown
 */
export function identityOfCertificate({ certificate, isAuthorized }: ClientCertificate): Identity {
  if (!isAuthorized) throw refuse('The client certificate was refused.');
  const identity = known.get(certificate) ?? readCertificate(certificate);
  known.set(certificate, identity);
  const { expiresAt = Infinity } = identity;
  if (Date.now() >= expiresAt)
    throw refuse('The client certificate was refused.', new Error('it has expired'));
  return identity;
}

function readCertificate(certificate: X509Certificate): Identity {
  const { CN: name } = certificate.toLegacyObject().subject as Readonly<Record<string, unknown>>;
  return toIdentity({
    subject: oneLine(certificate.subject),
    by: 'certificate',
    expiresAt: Date.parse(certificate.validTo),
    claims: {
      // Several would leave open which one a rule means.
      ...(typeof name === 'string' && { cn: name }),
      ...readAlternativeNames(certificate.subjectAltName),
      issuer: oneLine(certificate.issuer),
      serial: certificate.serialNumber,
      fingerprint: certificate.fingerprint256,
    },
  });
}

/** A distinguished name: Node has a part on each line, with commas and line breaks in values escaped. */
function oneLine(name: string): string {
  return name.split('\n').join(', ');
}

/** `DNS:a.example, URI:spiffe://example/b`; Node writes a value that could be taken for more than one as JSON. */
const alternativeName = /([A-Za-z ]+):(?:"((?:[^"\\]|\\.)*)"|([^,"]*))(?:, |$)/y;

const claimOf: ReadonlyMap<string, 'dns' | 'uri' | 'email'> = new Map([
  ['DNS', 'dns'],
  ['URI', 'uri'],
  ['email', 'email'],
]);

function readAlternativeNames(text = ''): Readonly<Record<'dns' | 'uri' | 'email', readonly string[]>> {
  const names = { dns: [] as string[], uri: [] as string[], email: [] as string[] };
  for (alternativeName.lastIndex = 0; ;) {
    const [, kind = '', quoted, plain = ''] = alternativeName.exec(text) ?? [];
    if (kind === '') return names;
    const claim = claimOf.get(kind);
    if (claim) names[claim].push(quoted === undefined ? plain : (JSON.parse(`"${quoted}"`) as string));
  }
}
