import { expect } from 'vitest';
import { Garbage } from './contract/backend.js';
import { startGrpc } from './contract/grpc.js';
import { describeContract, type Contract } from './contract.js';
import { describeRestarts } from './contract/restarts.js';

const folder = new URL('contract/grpc/', import.meta.url).pathname;

const contract: Contract = {
  protocol: 'grpc',
  folder,
  start: () => startGrpc(`${folder}shop.proto`, 'contract.v1.Shop'),
  unavailable: { grpc: { status: 14, code: 'UNAVAILABLE' } },
  unavailableStatus: 14,
  unreadable: {},
  asksForNoMore: async ({ backend, ask }) => {
    // An id, and a box whose width is cut off: who does not want it does not decode it.
    backend.reset(() => {
      throw new Garbage(Buffer.from([0x0a, 0x01, 0x31, 0x2a, 0x02, 0x08, 0xff]));
    });
    expect(await ask('{ item(id: 1) { id } }')).toEqual({ data: { item: { id: '1' } } });
    const { errors } = await ask('{ item(id: 1) { box { width } } }');
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CONNECTOR_RESPONSE_INVALID' });
  },
  wrongShape: { because: 'a message has the fields of its type and no others' },
  nullRows: { because: 'a repeated field holds no nulls' },
  refusedKeys: ['half a pair \ud800'],
};

describeContract(contract);
describeRestarts(contract);
