import { startRest } from './contract/http.js';
import { describeContract, type Contract } from './contract.js';
import { describeRestarts } from './contract/restarts.js';

const contract: Contract = {
  protocol: 'http',
  folder: new URL('contract/http/', import.meta.url).pathname,
  start: startRest,
  unavailable: { http: { status: 503 } },
  unavailableStatus: 503,
  unreadable: { http: { status: 200 } },
  asksForNoMore: { because: 'a REST backend sends whole answers, and JSON is parsed whole' },
  wrongShape: (value) => JSON.stringify(value),
  refusedKeys: ['..', '.', '\u0000', 'half a pair \ud800', 'a\nb\r\n\tc'],
};

describeContract(contract);
describeRestarts(contract);
