import { serverAudits } from 'graphql-http';
import { expect, test } from 'vitest';
import { start } from './support.js';

/** The audits our server does not pass, each with the reason why that is meant. */
const misses: Readonly<Record<string, string>> = {
  '5A70': 'MAY: a GET without a header that makes browsers ask first is refused, against cross-site requests',
  D6D5: 'MAY: as above',
  '6A70': 'MAY: as above',
  '572B':
    'SHOULD: a query that cannot be parsed is 400 for application/json too, so that proxies and alerts see it',
  FDE2: 'SHOULD: as above, for a query that does not fit the schema',
  '7B9B': 'SHOULD: as above, for variables that do not fit',
};

test('the audits of GraphQL over HTTP: no MUST is missed, and nothing without a reason', async () => {
  const served = await start();
  const audits = serverAudits({ url: `${served.url}/graphql` });
  const results = await Promise.all(audits.map((audit) => audit.fn()));
  const missed = results.filter((result) => result.status !== 'ok');
  expect(results).toHaveLength(61);
  expect(missed.filter((result) => result.status === 'error')).toEqual([]);
  expect(missed.map((result) => result.id).sort()).toEqual(Object.keys(misses).sort());
});

test('the audits that need a GET pass where the client sends the header', async () => {
  const served = await start();
  const fetchFn = (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { 'apollo-require-preflight': '1', ...(init.headers as object) } });
  const ids = Object.keys(misses).filter((id) => misses[id]?.startsWith('MAY'));
  const audits = serverAudits({ url: `${served.url}/graphql`, fetchFn }).filter(({ id }) => ids.includes(id));
  const results = await Promise.all(audits.map((audit) => audit.fn()));
  expect(results.map((result) => result.status)).toEqual(['ok', 'ok', 'ok']);
});
