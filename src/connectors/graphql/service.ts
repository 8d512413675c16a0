import { SchemaFilesError } from '../../base/problems.js';
import { compileTemplate, type Template, type TemplateFailure } from '../../mapping/template.js';
import type { HeaderEntry } from '../headers.js';
import type { CallLimits, Setting, SourceOf } from '../transport.js';
import { openWire, type WireReply } from '../wire.js';

/** The one place from which requests to a GraphQL service leave. */
export interface Service {
  /** @throws GatewayError where no answer comes */
  post(body: string, headers: readonly HeaderEntry[], limits: CallLimits): Promise<WireReply>;
  close(): Promise<void>;
}

/**
 * Opens the connections to a service. None is made before the first request.
 *
 * @throws SchemaFilesError where the address is none
 */
export function openService(source: SourceOf<'graphql'>, setting: Setting): Service {
  const url = addressOf(source, setting);
  const wire = openWire(url.origin);
  const path = url.pathname + url.search;
  return {
    post: (body, headers, limits) =>
      wire.send({ method: 'POST', path, headers: withStandardHeaders(headers).flat(), body }, limits),
    close: () => wire.close(),
  };
}

function addressOf({ graphql }: SourceOf<'graphql'>, setting: Setting): URL {
  const text = setting.address ?? renderAddress(graphql.url.template, setting);
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  const reason = typeof text === 'string' ? 'it must begin with http:// or https://' : text.reason;
  const message = `The address of the backend is no URL that can be called: ${reason}.`;
  const written = graphql.url.text;
  throw new SchemaFilesError([
    { code: 'INVALID_URL', message, source: written.source, offset: written.offsetOf(0) },
  ]);
}

function renderAddress(template: Template, { environment, config }: Setting): string | TemplateFailure {
  return compileTemplate(template)({ $env: environment, $config: config });
}

/** https://graphql.github.io/graphql-over-http/draft/#sec-Accept */
const accept = 'application/graphql-response+json, application/json;q=0.9';

function withStandardHeaders(headers: readonly HeaderEntry[]): readonly HeaderEntry[] {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const standard: HeaderEntry[] = [
    ['content-type', 'application/json'],
    ['accept', accept],
  ];
  return [...headers, ...standard.filter(([name]) => !names.has(name))];
}
