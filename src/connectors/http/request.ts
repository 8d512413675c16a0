import { GatewayError } from '../../base/errors.js';
import { compileSelection } from '../../mapping/compile.js';
import { stringifyJson } from '../../mapping/json.js';
import type { Variables } from '../../mapping/scope.js';
import { compileUrl, type Url } from '../../mapping/url.js';
import type { HttpCall, HttpSource } from '../../subgraph/subgraph.js';
import { compileHeaders, hasHeader, type HeaderEntry } from '../headers.js';
import type { ConnectOf, SourceOf, Transport } from '../transport.js';
import type { Wire, WireMessage } from '../wire.js';
import { encodeForm, formType } from './form.js';
import { toReply } from './response.js';

/** Compiles the calls of one connector. */
export function createTransport(
  { http }: ConnectOf<'http'>,
  source: SourceOf<'http'> | undefined,
  address: string | undefined,
  wireTo: (origin: string) => Wire,
): Transport {
  const urlOf = compileCallUrl(http, source?.http, address);
  const headersOf = compileHeaders(source?.http.headers ?? [], http.headers);
  const bodyOf = compileBody(http, source?.http);
  return {
    prepare: (variables) => {
      const url = urlOf(variables);
      const headers = headersOf(variables);
      const { body, type } = bodyOf(variables, headers);
      const message: WireMessage = {
        method: http.method,
        path: url.path,
        headers: [...headers, ...standardHeaders(headers, type)].flat(),
        body,
      };
      return { send: async (limits) => toReply(await wireTo(url.origin).send(message, limits)) };
    },
  };
}

function compileCallUrl(
  http: HttpCall,
  source: HttpSource | undefined,
  address: string | undefined,
): (variables: Variables) => Url {
  const urlOf = compileUrl({
    base: address ?? source?.baseURL.template,
    sourcePath: source?.path?.selection,
    sourceQuery: source?.queryParams?.selection,
    url: http.url.template,
    path: http.path?.selection,
    queryParams: http.queryParams?.selection,
  });
  return (variables) => {
    const url = urlOf(variables);
    if (url.kind === 'url') return url;
    throw new GatewayError('BAD_USER_INPUT', `The URL of the call cannot be made: ${url.reason}.`);
  };
}

interface Body {
  readonly body?: string | undefined;
  /** The content type to send with it, where the schema sets none. */
  readonly type?: string | undefined;
}

type BodyOf = (variables: Variables, headers: readonly HeaderEntry[]) => Body;

function compileBody(http: HttpCall, source: HttpSource | undefined): BodyOf {
  if (http.body === undefined) return () => ({});
  const mapping = compileSelection(http.body.selection);
  const typeIsSet = hasHeader([...(source?.headers ?? []), ...http.headers], 'content-type');
  return (variables, headers) => {
    const value = mapping.evaluate({}, variables);
    if (value === undefined) return {};
    if (typeIsSet && valueOf(headers, 'content-type') === formType) return { body: encodeForm(value) };
    return { body: stringifyJson(value), type: 'application/json' };
  };
}

function standardHeaders(headers: readonly HeaderEntry[], type: string | undefined): HeaderEntry[] {
  const standard: HeaderEntry[] = [];
  if (type !== undefined && valueOf(headers, 'content-type') === undefined)
    standard.push(['content-type', type]);
  if (valueOf(headers, 'accept') === undefined) standard.push(['accept', 'application/json']);
  return standard;
}

function valueOf(headers: readonly HeaderEntry[], name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}
