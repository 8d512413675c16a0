import { isIP } from 'node:net';
import { z } from 'zod';

const jwtKey = z
  .strictObject({
    /** A shared secret, for HS256, HS384 and HS512. */
    secret: z.string().min(16).optional(),
    /** A public key as PEM text (SPKI). */
    publicKey: z.string().optional(),
    /** Where the issuer publishes its keys. */
    jwksUrl: z.url({ protocol: /^https?$/ }).optional(),
  })
  .refine((key) => Object.keys(key).length === 1, 'needs exactly one of "secret", "publicKey" and "jwksUrl"');

const issuer = z.strictObject({
  /** The `iss` a token must have. */
  issuer: z.string().min(1),
  /** The `aud` a token must have. */
  audience: z.string().min(1),
  /** The algorithms that are accepted; never more than the keys are meant for. */
  algorithms: z.array(z.string()).min(1),
  key: jwtKey,
});

/** Headers with a meaning of their own, which cannot say who asks besides. */
const reservedHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'forwarded',
  'host',
  'transfer-encoding',
  'x-forwarded-for',
]);

const headerName = z
  .string()
  .transform((name) => name.toLowerCase())
  .refine((name) => /^[a-z\d-]+$/.test(name), 'is no name for a header: letters, digits and "-"')
  .refine((name) => !reservedHeaders.has(name), 'is a header with another meaning');

/** What `$claims` is besides `sub`, which is the subject. */
const claims = z.record(z.string(), z.unknown()).default({});

const apiKey = z.strictObject({
  /** Whose key it is. */
  subject: z.string().min(1),
  /** The key itself is not written down: `sha256:` and the digest in hexadecimal. */
  hash: z
    .string()
    .regex(/^sha256:[\da-f]{64}$/i, 'is not "sha256:" and 64 hexadecimal digits')
    .transform((hash) => hash.slice('sha256:'.length).toLowerCase()),
  claims,
  /** The moment from which it is refused, such as `2027-01-31` or `2027-01-31T12:00:00Z`. */
  expires: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], 'is no time such as "2027-01-31T12:00:00Z"')
    .transform((time) => Date.parse(time))
    .optional(),
});

const apiKeys = z.strictObject({
  /** The header that keys come in. */
  header: headerName.default('x-api-key'),
  keys: z
    .array(apiKey)
    .min(1)
    .refine((keys) => new Set(keys.map(({ hash }) => hash)).size === keys.length, 'has one hash twice'),
});

const proxyIdentity = z.strictObject({
  /** The header in which a trusted proxy names the caller. */
  header: headerName,
  /** More claims, each with the header that the proxy writes it to. */
  claims: z.record(z.string(), headerName).default({}),
});

const tls = z
  .strictObject({
    /** Files with PEM text: the certificate with its chain, and its key. */
    cert: z.string().min(1),
    key: z.string().min(1),
    /** A file with the authorities that certificates of clients must come from. */
    ca: z.string().min(1).optional(),
    /** Whether clients may show a certificate, or must. Without, none is asked for. */
    clientCertificates: z.enum(['optional', 'required']).optional(),
  })
  .refine(
    ({ ca, clientCertificates }) => (ca === undefined) === (clientCertificates === undefined),
    'needs both of "ca" and "clientCertificates", or none',
  );

/** An address, or a network as an address and the number of its first bits. */
function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  return bits === undefined || Number(bits) <= (family === 4 ? 32 : 128);
}

/** The part of the configuration that says how callers prove who they are. */
export const identityShape = {
  jwt: z.array(issuer).default([]),
  apiKeys: apiKeys.optional(),
  /** Proxies before the gateway that are believed: addresses and networks. Nobody, unless given. */
  trustedProxies: z
    .array(z.string().refine(isNetwork, 'is no address or network such as "10.0.0.0/8" or "::1"'))
    .default([]),
  /** The header in which they say for whom they ask. */
  addressHeader: z.enum(['x-forwarded-for', 'forwarded']).default('x-forwarded-for'),
  /** How they say who asks, where they check that, as by client certificates. */
  proxyIdentity: proxyIdentity.optional(),
  /** Serves HTTPS. */
  tls: tls.optional(),
};

/** The keys that are known at a place in that part, by its path. */
export const identityKeys: readonly (readonly [RegExp, Iterable<string>])[] = [
  [/^jwt\.\d+$/, Object.keys(issuer.shape)],
  [/^jwt\.\d+\.key$/, Object.keys(jwtKey.shape)],
  [/^apiKeys$/, Object.keys(apiKeys.shape)],
  [/^apiKeys\.keys\.\d+$/, Object.keys(apiKey.shape)],
  [/^proxyIdentity$/, Object.keys(proxyIdentity.shape)],
  [/^tls$/, Object.keys(tls.shape)],
];
