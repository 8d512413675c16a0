import { once } from 'node:events';
import { SignJWT } from 'jose';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { demoAudience, demoIssuer, demoSecret, demoToken } from '../../demo/identities.js';
import { startShopFront, type ShopFront } from '../support/shop.js';

let front: ShopFront;
beforeAll(async () => {
  front = await startShopFront();
});
afterAll(() => front.close());

const me = '{ me { id name email } }';

/** What one query gets over a WebSocket of its own. */
async function overWebSocket(query: string, connectionParams: Record<string, unknown>): Promise<unknown> {
  const client = createClient({
    url: `${front.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams,
  });
  try {
    return (await client.iterate({ query }).next()).value;
  } finally {
    await client.dispose();
  }
}

/** What one query gets as a stream of events. */
async function asEvents(query: string, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${front.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query }),
  });
  return JSON.parse(/^data: (.+)$/m.exec(await response.text())?.[1] ?? '');
}

describe('a gateway with issuers of tokens', () => {
  test('gives the same answer to the same caller on every transport', async () => {
    const { answer } = await front.post(me, 'customer');
    const authorization = `Bearer ${await demoToken('customer')}`;
    expect(answer.errors).toBeUndefined();
    expect(await overWebSocket(me, { authorization })).toEqual(answer);
    expect(await asEvents(me, { authorization })).toEqual(answer);
  });

  test('denies the same to nobody on every transport', async () => {
    const { answer } = await front.post(me);
    expect(answer.errors?.[0]?.extensions?.['code']).toBe('UNAUTHENTICATED');
    expect(await overWebSocket(me, {})).toEqual(answer);
    expect(await asEvents(me, {})).toEqual(answer);
  });

  test('refuses connections with a token that it did not get from them', async () => {
    const forged = `${(await demoToken('customer')).slice(0, -4)}AAAA`;
    for (const authorization of [`Bearer ${forged}`, 'Bearer', '', 'Basic YTpi']) {
      await expect(overWebSocket(me, { authorization })).rejects.toMatchObject({ code: 4403 });
    }
  });

  test('ends a connection when its token expires', async () => {
    const expiresAt = Math.ceil(Date.now() / 1_000) + 1;
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(demoIssuer)
      .setAudience(demoAudience)
      .setSubject('1')
      .setExpirationTime(expiresAt)
      .sign(new TextEncoder().encode(demoSecret));
    const socket = new WebSocket(`${front.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      headers: { authorization: `Bearer ${token}` },
    });
    await once(socket, 'open');
    socket.send('{"type":"connection_init"}');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4403);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt * 1_000);
    expect(Date.now()).toBeLessThan(expiresAt * 1_000 + 1_000);
  });
});
