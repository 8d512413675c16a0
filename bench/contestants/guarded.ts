import { startGateway } from './our-gateway.js';
import type { Start } from './start.js';

/** Ours with all that guards it: rules, query limits, and limits of operations and of cost for each caller. */
export const start: Start = (backends) =>
  startGateway(backends, {
    schemas: 'schemas',
    rateLimits: {
      operations: { max: 1_000_000_000, window: '1m' },
      cost: { max: 1_000_000_000_000, window: '1m' },
    },
  });
