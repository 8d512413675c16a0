import { SignJWT } from 'jose';
import { onTestFinished } from 'vitest';
import { createGateway, type ConfigInput, type Gateway, type GatewayOptions } from '../../src/index.js';

const issuer = 'https://issuer.example.com/';
const audience = 'backstitch';
const secret = 'a secret of at least 32 bytes, for tests only';

/** Who asks: a subject, and the scopes that the token says it has. */
export interface Caller {
  readonly sub: string;
  readonly scope?: string;
}

/** What is sent beside the query. */
export interface Asking {
  readonly as?: Caller | undefined;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An answer as it came over HTTP. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>> | null | undefined;
  /** `user.name FORBIDDEN`, sorted: which call fails first is chance. */
  readonly errors: readonly string[];
}

/** A gateway that listens. */
export interface Running {
  readonly gateway: Gateway;
  readonly url: string;
  ask(query: string, asking?: Asking): Promise<Answered>;
  /** The same with a body as it is. */
  post(body: string, asking?: Asking): Promise<Answered>;
  close(): Promise<void>;
}

/** A token for a caller. */
export function tokenOf({ sub, scope = '' }: Caller): Promise<string> {
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(secret));
}

const jwt: ConfigInput['jwt'] = [{ issuer, audience, algorithms: ['HS256'], key: { secret } }];

/** Starts a gateway on a free port, with tokens that {@link tokenOf} makes. */
export async function run(options: GatewayOptions): Promise<Running> {
  const gateway = await createGateway({ ...options, config: { log: 'silent', jwt, ...options.config } });
  const served = await gateway.serve({ port: 0 });
  const post = async (body: string, { as, headers, signal }: Asking = {}): Promise<Answered> => {
    const token: Record<string, string> =
      as === undefined ? {} : { authorization: `Bearer ${await tokenOf(as)}` };
    const response = await fetch(`${served.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...token, ...headers },
      body,
      ...(signal && { signal }),
    });
    const text = await response.text();
    const { data, errors = [] } = JSON.parse(text) as Body;
    const { status, headers: answered } = response;
    return { status, headers: answered, text, data, errors: errors.map(toLine).toSorted() };
  };
  return {
    gateway,
    url: served.url,
    post,
    ask: (query, asking) => post(JSON.stringify({ query, variables: asking?.variables }), asking),
    close: async () => {
      await served.close();
      await gateway.close();
    },
  };
}

/** The same until the end of the test. */
export async function runUntilEnd(options: GatewayOptions): Promise<Running> {
  const running = await run(options);
  onTestFinished(() => running.close());
  return running;
}

interface Body {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly Fault[];
}

interface Fault {
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

function toLine({ path = [], extensions = {} }: Fault): string {
  return [path.join('.'), String(extensions['code'])].filter((part) => part !== '').join(' ');
}
