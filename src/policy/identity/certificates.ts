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
  // One part a line, line breaks in values escaped.
  const parts = certificate.subject.split('\n');
  const names = parts.flatMap((part) => (part.startsWith('CN=') ? [part.slice('CN='.length)] : []));
  return toIdentity({
    subject: parts.map((part) => part.replaceAll(/[\\,]/g, '\\$&')).join(', '),
    by: 'certificate',
    expiresAt: Date.parse(certificate.validTo),
    claims: {
      // Two would leave open which one a rule means.
      ...(names.length === 1 && { cn: names[0] }),
      ...readAlternativeNames(certificate.subjectAltName),
      fingerprint: certificate.fingerprint256,
      serial: certificate.serialNumber,
      issuer: certificate.issuer.split('\n').join(', '),
    },
  });
}

/** `DNS:a.example, URI:spiffe://example/b`; a value with a comma or quote is a JSON text. */
function readAlternativeNames(text = ''): { dns: string[]; uri: string[]; email: string[] } {
  const names = [...text.matchAll(/(DNS|URI|email):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/g)];
  const ofKind = (wanted: string) =>
    names.flatMap(([, kind, value = '']) =>
      kind === wanted ? [value.startsWith('"') ? (JSON.parse(value) as string) : value] : [],
    );
  return { dns: ofKind('DNS'), uri: ofKind('URI'), email: ofKind('email') };
}
