import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { demoAudience, demoIssuer, demoSecret } from '../../demo/identities.js';
import type * as Backstitch from '../../src/index.js';
import type { Start } from './start.js';

/** Ours: the compiled gateway as `backstitch start` runs it, on the repository's own schema files. */
export const start: Start = async (backends) => {
  const compiled = pathToFileURL(resolve('dist/src/index.js')).href;
  const { createGateway } = (await import(compiled)) as typeof Backstitch;
  const gateway = await createGateway({
    environment: backends,
    config: {
      schemas: 'schemas',
      mode: 'production',
      // Whoever has 64 long lists under way on one core keeps the last one waiting.
      timeout: '60s',
      log: 'error',
      jwt: [
        {
          issuer: demoIssuer,
          audience: demoAudience,
          algorithms: ['HS256'],
          key: { secret: demoSecret },
        },
      ],
    },
  });
  const { url } = await gateway.serve({ port: 0 });
  return url;
};
