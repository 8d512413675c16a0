import { readFile } from 'node:fs/promises';
import { demoAudience, demoIssuer, demoSecret, demoToken, identities, type DemoName } from './identities.js';
import { preferredPorts, startShop, type Shop } from './shop.js';

/**
 * The shop as a process of its own. Forked, it tells its parent what a gateway before it needs to know, and ends
 * with it; run by hand, it prints the same and ends on SIGINT or SIGTERM.
 */
const starting = startShop({ ports: preferredPorts });

for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.once(event, () => void stop());
starting.then(announce).catch(giveUp);

async function announce(shop: Shop): Promise<void> {
  const message = await describe(shop);
  if (process.send) process.send(message);
  else console.log(JSON.stringify(message, null, 2));
}

/** Where the backends are, whose tokens they trust, three of those, and what to ask first. */
async function describe({ environment, control }: Shop) {
  const names = Object.keys(identities) as DemoName[];
  const tokens = await Promise.all(names.map(async (name) => [name, await demoToken(name)] as const));
  const operation = new URL('./operations/shop-front.graphql', import.meta.url);
  return {
    environment,
    control: control.url,
    jwt: [{ issuer: demoIssuer, audience: demoAudience, algorithms: ['HS256'], key: { secret: demoSecret } }],
    tokens: Object.fromEntries(tokens),
    operation: await readFile(operation, 'utf8'),
  };
}

function giveUp(error: unknown): void {
  console.error(`The demo shop cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

async function stop(): Promise<void> {
  const shop = await starting.catch(() => undefined);
  await shop?.close();
  process.exit(0);
}
