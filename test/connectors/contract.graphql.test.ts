import { parse, print } from 'graphql';
import { expect } from 'vitest';
import { stocked, describeContract, type Contract } from './contract.js';
import { describeRestarts } from './contract/restarts.js';
import { startGraphql } from './contract/graphql.js';

const folder = new URL('contract/graphql/', import.meta.url).pathname;

const contract: Contract = {
  protocol: 'graphql',
  folder,
  start: () => startGraphql(`${folder}shop.remote.graphql`),
  unavailable: { http: { status: 200 }, graphql: { code: 'UNAVAILABLE' } },
  unavailableStatus: 200,
  unreadable: { http: { status: 200 } },
  wrongShape: (value, operation) => JSON.stringify({ data: { [operation]: value } }),
  refusedKeys: [],
  asksForNoMore: async ({ backend, ask }) => {
    const documents = async (query: string) => {
      backend.reset(stocked);
      await ask(query);
      return backend.calls.map(({ document = '' }) => print(parse(document)).replace(/\s+/g, ' '));
    };
    const [single = ''] = await documents('{ item(id: 1) { x: name } }');
    expect(single).toMatch(/findItem\(id: \$id\) \{ name \}/);
    const [batch = ''] = await documents('{ slots(ids: [1]) { item { big } } }');
    expect(batch).toMatch(/findItems\(ids: \$ids\) \{ id big \}|findItems\(ids: \$ids\) \{ big id \}/);
    const [deep = ''] = await documents('{ item(id: 1) { box { width } } }');
    expect(deep).toMatch(/findItem\(id: \$id\) \{ box \{ width \} \}/);
    const [, grouped = ''] = await documents('{ item(id: 1) { notes { text } } }');
    expect(grouped).toMatch(/findNotes\(ids: \$ids\) \{ (?:itemId text|text itemId) \}/);
  },
};

describeContract(contract);
describeRestarts(contract);
