import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { demoAudience, demoIssuer, demoSecret } from '../../demo/identities.js';
import type * as Backstitch from '../../src/index.js';

/** Starts the compiled gateway, with tokens; returns its URL. */
export async function startGateway(
  environment: Readonly<Record<string, string>>,
  config: Backstitch.ConfigInput,
): Promise<string> {
  const compiled = pathToFileURL(resolve('dist/src/index.js')).href;
  const { createGateway } = (await import(compiled)) as typeof Backstitch;
  const gateway = await createGateway({
    environment,
    config: {
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
      ...config,
    },
  });
  const { url } = await gateway.serve({ port: 0 });
  return url;
}
