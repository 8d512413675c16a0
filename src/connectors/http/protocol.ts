import type { OpenSource, Protocol, SourceOf } from '../transport.js';
import { openWire, type Wire } from '../wire.js';
import { createTransport } from './request.js';

/** REST over HTTP/1.1. */
export const http: Protocol<'http'> = {
  open: (source, setting) => Promise.resolve(openHttp(source, setting.address)),
};

/**
 * Opens a REST backend: a pool per origin. A source's base URL can only give one.
 *
 * @param source absent for connectors that bring whole URLs
 */
export function openHttp(source?: SourceOf<'http'>, address?: string): OpenSource<'http'> {
  const wires = new Map<string, Wire>();
  const wireTo = (origin: string): Wire => {
    let wire = wires.get(origin);
    if (wire === undefined) wires.set(origin, (wire = openWire(origin)));
    return wire;
  };
  return {
    connect: (definition) => createTransport(definition, source, address, wireTo),
    close: async () => {
      await Promise.all([...wires.values()].map((wire) => wire.close()));
    },
  };
}
