import type { BackendAddresses } from '../backends/main.js';

/**
 * Starts a contestant in a process of its own: it answers `POST /graphql` on a free port of loopback, with the demo's
 * tokens and rules. Gives its URL; it need not be able to stop.
 */
export type Start = (backends: BackendAddresses) => Promise<string>;
