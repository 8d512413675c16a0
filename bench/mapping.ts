import { compileSelection } from '../src/mapping/compile.js';
import { parseSelection } from '../src/mapping/parse.js';

/**
 * `npm run bench:mapping`: what mapping a list of 100 rows costs beside a map function written by hand for the same
 * rows. Ratios of the lower quartile of interleaved rounds; the results are compared before anything is timed.
 */
interface Row {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly address: { readonly city: string; readonly zip: string };
  readonly nick?: string;
}

interface Subject {
  readonly title: string;
  readonly selection: string;
  readonly byHand: (rows: readonly Row[]) => unknown;
}

const rows: readonly Row[] = Array.from({ length: 100 }, (_, i) => ({
  id: i,
  name: `name ${i}`,
  email: `${i}@example.com`,
  address: { city: `city ${i % 7}`, zip: String(10_000 + i) },
  ...(i % 3 === 0 && { nick: `nick ${i}` }),
}));

const subjects: readonly Subject[] = [
  {
    title: 'keys and aliases',
    selection: '$.rows { id fullName: name mail: email }',
    byHand: (all) => all.map((row) => ({ id: row.id, fullName: row.name, mail: row.email })),
  },
  {
    title: 'nested objects',
    selection: '$.rows { id name address { city zip } }',
    byHand: (all) =>
      all.map(({ id, name, address }) => ({ id, name, address: { city: address.city, zip: address.zip } })),
  },
  {
    title: 'stub, literal and ??',
    selection: '$.rows { id kind: "user" town: { name: address.city } shown: nick ?? name }',
    byHand: (all) =>
      all.map((row) => ({
        id: row.id,
        kind: 'user',
        town: { name: row.address.city },
        shown: row.nick ?? row.name,
      })),
  },
];

const rounds = 60;
const callsPerRound = 400;

/** Keeps the engine from leaving out what nobody looks at. */
let kept: unknown;

console.log('Mapping 100 rows, as a multiple of a map function written by hand\n');
for (const { title, selection, byHand } of subjects) {
  const mapping = compileSelection(parseSelection(selection, '0.4'));
  const mapped = () => mapping.evaluate({ rows }, {});
  if (JSON.stringify(mapped()) !== JSON.stringify(byHand(rows)))
    throw new Error(`${title}: the results differ`);
  console.log(`${title.padEnd(24)} ${ratio(mapped, () => byHand(rows)).toFixed(2)}`);
}

function ratio(subject: () => unknown, reference: () => unknown): number {
  const times: { subject: number[]; reference: number[] } = { subject: [], reference: [] };
  for (let round = 0; round < rounds; round++) {
    times.subject.push(time(subject));
    times.reference.push(time(reference));
  }
  return lowerQuartile(times.subject) / lowerQuartile(times.reference);
}

function time(run: () => unknown): number {
  const start = performance.now();
  for (let call = 0; call < callsPerRound; call++) kept = run();
  return performance.now() - start;
}

function lowerQuartile(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 4)] ?? Number.NaN;
}

if (kept === undefined) throw new Error('Nothing was mapped.');
