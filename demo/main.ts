import { preferredPorts, startShop, type Shop } from './shop.js';

/**
 * The shop as a process of its own. Forked, it sends `{environment, control}` to its parent and ends with it; run by
 * hand, it prints the same and ends on SIGINT or SIGTERM.
 */
const starting = startShop({ ports: preferredPorts });

for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.once(event, () => void stop());
starting.then(announce, giveUp);

function announce({ environment, control }: Shop): void {
  const message = { environment, control: control.url };
  if (process.send) process.send(message);
  else console.log(JSON.stringify(message, null, 2));
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
