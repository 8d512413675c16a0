import { SchemaFilesError } from '../../base/problems.js';
import { compileTemplate, type TemplateFailure } from '../../mapping/template.js';
import type { Templated } from '../../subgraph/subgraph.js';
import type { Setting, SourceOf } from '../transport.js';

/**
 * Where requests to a service are posted.
 *
 * @throws SchemaFilesError where the address is none
 */
export function serviceAddress({ graphql }: SourceOf<'graphql'>, setting: Setting): URL {
  return toAddress(setting.address ?? render(graphql.url, setting), graphql.url, ['http', 'https']);
}

/**
 * Where subscriptions are opened: at an address of their own, or where everything else is asked.
 *
 * @throws SchemaFilesError where the address is none
 */
export function subscriptionAddress(source: SourceOf<'graphql'>, setting: Setting): URL {
  const { subscriptions } = source.graphql;
  if (subscriptions === undefined) return serviceAddress(source, setting);
  return toAddress(render(subscriptions, setting), subscriptions, ['ws', 'wss', 'http', 'https']);
}

function render({ template }: Templated, { environment, config }: Setting): string | TemplateFailure {
  return compileTemplate(template)({ $env: environment, $config: config });
}

function toAddress(text: string | TemplateFailure, { text: written }: Templated, schemes: string[]): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && schemes.includes(url.protocol.slice(0, -1))) return withoutFragment(url);
  const beginnings = schemes.map((scheme) => `${scheme}://`).join(' or ');
  const reason = typeof text === 'string' ? `it must begin with ${beginnings}` : text.reason;
  const message = `The address of the backend is no URL that can be called: ${reason}.`;
  throw new SchemaFilesError([
    { code: 'INVALID_URL', message, source: written.source, offset: written.offsetOf(0) },
  ]);
}

/** A fragment is never sent, and a WebSocket refuses one. */
function withoutFragment(url: URL): URL {
  url.hash = '';
  return url;
}
