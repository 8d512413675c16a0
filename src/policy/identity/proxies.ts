import { BlockList, isIP, SocketAddress } from 'node:net';
import type { Config } from '../../base/config.js';
import type { Headers, Identity } from '../../base/context.js';
import { refuse, toIdentity } from './identity.js';

/** The proxies before the gateway, as the configuration names them. */
export interface Proxies {
  /** Whether what comes from this address is believed when it says for whom it asks. */
  readonly trusts: (address: string) => boolean;
  /**
   * The address of who asks: the nearest one that no trusted proxy stands for. What lies behind it could be anybody's
   * invention.
   */
  readonly callerOf: (peer: string, received: Headers) => string;
  /**
   * Who asks, by the word of a trusted proxy; `undefined` where that names nobody.
   *
   * @throws GatewayError `UNAUTHENTICATED` where it names two
   */
  readonly vouchedFor: (received: Headers) => Identity | undefined;
  /**
   * The headers without those that only a trusted proxy may set.
   *
   * @param told what a trusted proxy has sent, which stays
   */
  readonly withoutForgeries: (headers: Headers, told: Headers | undefined) => Headers;
}

type Setting = Pick<Config, 'trustedProxies' | 'addressHeader' | 'proxyIdentity'>;

/** Reads which proxies are trusted, and with what. */
export function readProxies({ trustedProxies, addressHeader, proxyIdentity }: Setting): Proxies {
  const trusted = toBlockList(trustedProxies);
  const trusts = (text: string) => {
    const address = canonicalAddress(text);
    return address !== undefined && trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  };
  const readHops = addressHeader === 'forwarded' ? readForwarded : readForwardedFor;
  const claims = new Map(Object.entries(proxyIdentity?.claims ?? {}));
  const ownHeaders = proxyIdentity === undefined ? [] : [proxyIdentity.header, ...claims.values()];
  return {
    trusts,
    callerOf: (peer, received) => {
      let caller = canonicalAddress(peer) ?? '';
      if (!trusts(caller)) return caller;
      for (const hop of readHops(received[addressHeader] ?? []).reverse()) {
        if (hop === undefined) break;
        caller = hop;
        if (!trusts(caller)) break;
      }
      return caller;
    },
    vouchedFor: (received) => {
      const subject = proxyIdentity && onlyValue(received, proxyIdentity.header);
      if (subject === undefined) return undefined;
      const told = [...claims].flatMap(([claim, header]) => {
        const value = onlyValue(received, header);
        return value === undefined ? [] : [[claim, value] as const];
      });
      return toIdentity({ subject, claims: Object.fromEntries(told), by: 'proxy' });
    },
    withoutForgeries: (headers, told) => {
      const forged = ownHeaders.filter((name) => headers[name] !== undefined && told?.[name] === undefined);
      if (forged.length === 0) return headers;
      const kept = Object.create(null) as Record<string, readonly string[]>;
      for (const [name, values] of Object.entries(headers)) if (!forged.includes(name)) kept[name] = values;
      return kept;
    },
  };
}

/** The value of a header that a proxy sets. An empty one says that there is nothing to say. */
function onlyValue(received: Headers, name: string): string | undefined {
  const [value = '', ...more] = received[name] ?? [];
  if (more.length > 0) throw refuse('The proxy names more than one caller.');
  return value === '' ? undefined : value;
}

function toBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/**
 * An address in the one form that is compared and counted: IPv6 as short as it can be, IPv4 not mapped into IPv6, no
 * zone.
 *
 * @returns `undefined` for what is no address
 */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  if (family === 4) return text;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

/** Hops from the farthest to the nearest; `undefined` for one that is not an address. */
type Hops = (string | undefined)[];

/** `X-Forwarded-For`: addresses, of which some proxies write the port, too. */
function readForwardedFor(values: readonly string[]): Hops {
  return values
    .join(',')
    .split(',')
    .map((hop) => readNode(hop.trim()));
}

/** An address with or without a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`. */
function readNode(text: string): string | undefined {
  const [, inBrackets, beforePort] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(text) ?? [];
  const isBroken = inBrackets !== undefined && isIP(inBrackets) !== 6;
  return isBroken ? undefined : canonicalAddress(inBrackets ?? beforePort ?? text);
}

/** One `name=value` of `Forwarded` (RFC 7239, 4), and what ends it. */
const pair =
  /[ \t]*([!#$%&'*+\-.^_`|~\w]+)=(?:([!#$%&'*+\-.^_`|~\w:[\]]+)|"((?:[^"\\]|\\.)*)")[ \t]*([;,]|$)/y;

/**
 * `Forwarded`: the `for` of each hop. A line that is not written by the rules is one hop that nobody knows: a quote
 * that a client has opened must not swallow, or invent, what a proxy adds.
 */
function readForwarded(values: readonly string[]): Hops {
  return values.flatMap((line) => readElements(line) ?? [undefined]);
}

function readElements(line: string): Hops | undefined {
  const hops: Hops = [];
  let nodes: string[] = [];
  pair.lastIndex = 0;
  for (let end: string | undefined = ','; end !== '';) {
    const [, name, bare, quoted, mark] = pair.exec(line) ?? [];
    if (name === undefined) return undefined;
    if (name.toLowerCase() === 'for') nodes.push(bare ?? (quoted ?? '').replaceAll(/\\(.)/g, '$1'));
    end = mark;
    if (end === ';') continue;
    hops.push(nodes.length === 1 ? readNode(nodes[0]!) : undefined);
    nodes = [];
  }
  return hops;
}
