import { startGateway } from './our-gateway.js';
import type { Start } from './start.js';

/** Ours: the compiled gateway as `backstitch start` runs it, on the repository's own schema files. */
export const start: Start = (backends) => startGateway(backends, { schemas: 'schemas' });
