import type { Problem } from '../../base/problems.js';
import { compileTemplate } from '../../mapping/template.js';
import type { SourceOf, Setting } from '../transport.js';
import { problemAt } from './files.js';
import { startOf } from '../../subgraph/text.js';

/** `host:port`, `[v6]:port`, or a socket in the file system. */
const address = /^(?:[\w.-]+:\d{1,5}|\[[\da-f:.]+\]:\d{1,5}|unix:\S+)$/i;

/**
 * The addresses of a source: the override's, which may be several with commas between them, else those of the schema
 * file with their holes filled.
 */
export function readAddresses(
  source: SourceOf<'grpc'>,
  setting: Setting,
): { readonly addresses: readonly string[]; readonly problems: Problem[] } {
  if (setting.address !== undefined) return overridden(setting.address, source, setting);
  const addresses: string[] = [];
  const problems: Problem[] = [];
  for (const { text, template } of source.grpc.address) {
    const value = compileTemplate(template)({ $env: setting.environment, $config: setting.config });
    const found = typeof value === 'string' ? split(value) : [];
    addresses.push(...found);
    if (found.length > 0 && found.every((one) => address.test(one))) continue;
    // the value may come from a secret; the text in the file does not
    const shown = typeof value === 'string' ? '' : `: ${value.reason}`;
    const message = `The address "${text.value}" gives no host:port${shown}.`;
    problems.push(problemAt(text, 'INVALID_URL', message));
  }
  if (addresses.length === 0 && problems.length === 0) {
    problems.push(problemOf(source, setting, 'The source has no address.'));
  }
  return { addresses, problems };
}

function overridden(text: string, source: SourceOf<'grpc'>, setting: Setting) {
  const addresses = split(text);
  if (addresses.length > 0 && addresses.every((one) => address.test(one))) return { addresses, problems: [] };
  const message = `The address of source "${source.name}" is overridden with something that is no host:port.`;
  return { addresses: [], problems: [problemOf(source, setting, message)] };
}

/** Schemes that people write before gRPC addresses are dropped; whether TLS is used, `tls` says. */
function split(text: string): string[] {
  return text
    .split(',')
    .map((one) =>
      one
        .trim()
        .replace(/^(?:grpcs?|https?|dns):\/\/\/?/i, '')
        .replace(/\/$/, ''),
    )
    .filter((one) => one !== '');
}

function problemOf(source: SourceOf<'grpc'>, setting: Setting, message: string): Problem {
  return { code: 'INVALID_URL', message, source: setting.subgraph.source, offset: startOf(source.node) };
}
