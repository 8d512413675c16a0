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
  const { method } = http;
  const written = [...(source?.http.headers ?? []), ...http.headers];
  const urlOf = compileCallUrl(http, source?.http, address);
  const headersOf = compileHeaders(source?.http.headers ?? [], http.headers);
  const bodyOf = compileBody(http, hasHeader(written, 'content-type'));
  const accept = hasHeader(written, 'accept') ? [] : ['accept', 'application/json'];
  const acceptAndType = hasHeader(written, 'content-type')
    ? accept
    : [...accept, 'content-type', 'application/json'];
  return {
    prepare: (variables) => {
      const { origin, path } = urlOf(variables);
      const entries = headersOf(variables);
      const body = bodyOf(variables, entries);
      const headers = [...entries.flat(), ...(body === undefined ? accept : acceptAndType)];
      const message: WireMessage = { method, path, headers, body };
      return { send: async (limits) => toReply(await wireTo(origin).send(message, limits)) };
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

/** Gives the text of a body, or none where its mapping gives no value. */
type BodyOf = (variables: Variables, headers: readonly HeaderEntry[]) => string | undefined;

function compileBody({ body }: HttpCall, typeIsSet: boolean): BodyOf {
  if (body === undefined) return () => undefined;
  const mapping = compileSelection(body.selection);
  return (variables, headers) => {
    const value = mapping.evaluate({}, variables);
    if (value === undefined) return undefined;
    return typeIsSet && typeOf(headers) === formType ? encodeForm(value) : stringifyJson(value);
  };
}

function typeOf(headers: readonly HeaderEntry[]): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
}
