import { ConfigError, type Config } from '../base/config.js';
import type { Headers, Identity } from '../base/context.js';
import type { Log } from '../base/log.js';
import { createApiKeyCheck } from './identity/api-keys.js';
import { identityOfCertificate, type ClientCertificate } from './identity/certificates.js';
import { refuse } from './identity/identity.js';
import { readProxies } from './identity/proxies.js';
import { createTokens } from './identity/tokens.js';

/** What a request shows of who sends it. */
export interface Evidence {
  /** Lower-case names, values as lists, without what belongs to the connection. */
  readonly headers: Headers;
  /**
   * All headers as they came, also those that `Connection` lists and that are therefore missing in `headers`: a caller
   * cannot become anonymous, or somebody else, by what a proxy is told to drop.
   */
  readonly received: Headers;
  /** What the `connectionParams` of a WebSocket brought as headers. No proxy has looked at those. */
  readonly params?: Headers;
  /** The address at the other end of the connection. */
  readonly address: string;
  /** What the other end of the connection has shown, where it was asked for one. */
  readonly certificate?: ClientCertificate | undefined;
}

/** Who sends a request, and what they may say. */
export interface Caller {
  /** `undefined` is nobody: a caller who has not tried to prove anything. */
  readonly identity: Identity | undefined;
  /** The address of the caller, behind the proxies that are trusted. */
  readonly address: string;
  /** The headers without those that only a trusted proxy may set. */
  readonly headers: Headers;
}

/** Says who asks. */
export interface Authenticator {
  /**
   * Every proof that a request brings is checked, and a bad one is refused, never taken for none. A token or an API key
   * counts before what the connection says: a trusted proxy's word, or a client certificate. A token and a key together
   * are refused, for either could be the one that is meant; so are two of a kind.
   *
   * @throws GatewayError `UNAUTHENTICATED`; why, is in its `cause` alone
   */
  readonly identify: (evidence: Evidence) => Promise<Caller>;
  /** Names of headers that prove something by themselves, so that `connectionParams` may bring them, too. */
  readonly connectionHeaders: readonly string[];
  /** From now on, keys of issuers are fetched in the background. Does not keep the process alive. */
  readonly start: () => void;
  /** Whether the keys of all issuers are there. */
  readonly isReady: () => boolean;
  /** Fetches no more keys. */
  readonly close: () => void;
}

/** The part of the configuration that says how callers prove who they are. */
export type IdentityConfig = Pick<
  Config,
  'jwt' | 'apiKeys' | 'trustedProxies' | 'addressHeader' | 'proxyIdentity'
>;

/**
 * Makes the one check of who asks, for every way to prove it. What is not configured is none of its business: the header
 * may be for the backends.
 *
 * @throws ConfigError where a key cannot be used with its algorithms, or a proxy is to vouch and none is trusted
 *
 * @example
 * const authenticator = createAuthenticator(config, log);
 * const { identity, address, headers } = await authenticator.identify(facts);
 */
export function createAuthenticator(config: IdentityConfig, log: Log): Authenticator {
  if (config.proxyIdentity !== undefined && config.trustedProxies.length === 0) {
    throw new ConfigError('the configuration', [
      '"proxyIdentity" is believed of nobody without "trustedProxies"',
    ]);
  }
  const tokens = config.jwt.length > 0 ? createTokens(config.jwt, log) : undefined;
  const keys = config.apiKeys && { header: config.apiKeys.header, check: createApiKeyCheck(config.apiKeys) };
  const proxies = readProxies(config);

  /** Who the caller is by what comes with the request itself. */
  const ofRequest = async (evidence: Evidence): Promise<Identity | undefined> => {
    const token = tokens && given(evidence, 'authorization');
    const key = keys && given(evidence, keys.header);
    if (token && key) throw refuse('The request has a token and an API key.');
    if (token) return tokens.check(token);
    return key && keys.check(key);
  };
  /** Who the caller is by where the request comes from. The certificate of a proxy is not that of who asks. */
  const ofConnection = ({ address, received, certificate }: Evidence): Identity | undefined => {
    const certified = certificate && identityOfCertificate(certificate);
    return proxies.trusts(address) ? proxies.vouchedFor(received) : certified;
  };

  return {
    identify: async (evidence) => {
      const { headers, received, address } = evidence;
      const connected = ofConnection(evidence);
      return {
        identity: (await ofRequest(evidence)) ?? connected,
        address: proxies.callerOf(address, received),
        headers: proxies.withoutForgeries(headers, proxies.trusts(address) ? received : undefined),
      };
    },
    connectionHeaders: keys === undefined ? [] : [keys.header],
    start: () => tokens?.keySets.forEach((set) => set.start()),
    isReady: () => tokens?.keySets.every((set) => set.isLoaded()) ?? true,
    close: () => tokens?.keySets.forEach((set) => set.close()),
  };
}

/** All values of a header; `undefined` where there are none. What both ways bring alike is one. */
function given({ received, params }: Evidence, name: string): readonly string[] | undefined {
  const sent = valuesOf(received, name);
  const values = [...sent, ...valuesOf(params, name).filter((value) => !sent.includes(value))];
  return values.length === 0 ? undefined : values;
}

function valuesOf(headers: Headers | undefined, name: string): readonly string[] {
  return headers !== undefined && Object.hasOwn(headers, name) ? (headers[name] ?? []) : [];
}
