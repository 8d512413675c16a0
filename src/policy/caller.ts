import { isIP } from 'node:net';
import type { RequestContext } from '../base/context.js';

const callers = {};

/**
 * Who calls, as a key: the subject with the way it was proved and, of a token, its issuer; else the network that the
 * address is in. The first word keeps the kinds of callers apart.
 *
 * @returns `undefined` where nothing is known of the caller: to count all of those as one would let each of them use up
 * what the others may
 */
export function identifyCaller(context: RequestContext): string | undefined {
  return context.local(callers, () => ({ key: toKey(context) })).key;
}

function toKey({ identity, address }: RequestContext): string | undefined {
  if (identity) return JSON.stringify(['subject', identity.by, identity.claims['iss'], identity.subject]);
  return address === '' ? undefined : JSON.stringify(['address', toNetwork(address)]);
}

/**
 * What one caller can choose addresses from: with IPv6 that is, as a rule, a whole /64. IPv4 addresses are told apart,
 * also when they are written as IPv6 (RFC 4291, 2.5.5.2) or were translated to it (RFC 6052). Whatever is no address is
 * left as it is.
 *
 * @example
 * toNetwork('2001:db8:0:7:1f::9'); // '2001:db8:0:7::/64'
 * toNetwork('::ffff:192.0.2.1'); // '192.0.2.1'
 */
export function toNetwork(address: string): string {
  const [bare = ''] = address.split('%');
  if (isIP(bare) !== 6) return address;
  const groups = toGroups(bare);
  const prefix = groups.slice(0, 6).join(':');
  if (prefix === '0:0:0:0:0:ffff' || prefix === '64:ff9b:0:0:0:0') return toIPv4(groups.slice(6));
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** The eight groups, in lower case and without leading zeros. */
function toGroups(address: string): string[] {
  const hex = address.replace(/\d+\.\d+\.\d+\.\d+$/, (ipv4) => {
    const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [before = [], after] = hex.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = after === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...(after ?? [])];
  return groups.map((group) => Number.parseInt(group, 16).toString(16));
}

function toIPv4(groups: readonly string[]): string {
  return groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((value) => [value >> 8, value & 255])
    .join('.');
}
