import { RequestContext } from '../src/base/context.js';
import { createOperationLimits } from '../src/policy/operation-limits.js';
import { createRateLimiter } from '../src/policy/rate-limits.js';
import { SlidingWindows } from '../src/policy/sliding-windows.js';

/**
 * `npm run bench:limits`: microseconds of CPU that a check of a limit takes, in memory, with 100,000 callers who have been seen
 * and with ever new ones beyond that, who push out the oldest. The lower quartile of rounds.
 */
const callers = 100_000;
const rounds = 20;
const checksPerRound = 20_000;

type Check = (context: RequestContext) => Promise<unknown>;

const rule = { max: 1_000, windowMs: 3_600_000 };

const subjects: readonly (readonly [string, Check])[] = [
  ['of operations', operations()],
  ['of a field', field()],
];

console.log(`A check of a limit, ${callers.toLocaleString('en')} callers, in memory\n`);
for (const [title, check] of subjects) {
  let next = 0;
  for (; next < callers; next += 1) await check(contextOf(next));
  const known = await time(check, () => (next += 7_919) % callers);
  next = callers;
  const fresh = await time(check, () => (next += 1));
  console.log(`${title.padEnd(16)} ${known.toFixed(1)} µs    of new callers ${fresh.toFixed(1)} µs`);
}

function operations(): Check {
  const limits = createOperationLimits(new SlidingWindows(), { operations: rule });
  return (context) => limits.admit(context);
}

function field(): Check {
  const limiter = createRateLimiter(new SlidingWindows());
  const byEmail = { ...rule, identityArgs: ['email'] };
  return (context) => limiter.limit('Mutation.login', byEmail, { args: { email: 'a@example.com' }, context });
}

function contextOf(caller: number): RequestContext {
  const claims = { iss: 'https://login.example.com' };
  return new RequestContext({ identity: { subject: `user-${caller}`, claims } });
}

async function time(check: Check, nextCaller: () => number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const contexts = Array.from({ length: checksPerRound }, () => contextOf(nextCaller()));
    const start = process.cpuUsage();
    for (const context of contexts) await check(context);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / checksPerRound);
  }
  return times.sort((a, b) => a - b)[Math.floor(rounds / 4)] ?? Number.NaN;
}
