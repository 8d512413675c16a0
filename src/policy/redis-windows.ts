import { createHash } from 'node:crypto';
import { maxEntries, type Counted, type SlotRequest } from './rate-limit-store.js';

/** The commands of a Redis client that are needed here; each rejects where it fails. */
export interface RedisCommands {
  evalsha(hash: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  script(subcommand: 'LOAD', script: string): Promise<unknown>;
}

/** What {@link RedisWindows} can be given. */
export interface RedisWindowsOptions {
  /** What the names of all keys begin with. */
  readonly keyPrefix?: string;
  /** Milliseconds that never go back; the clock of Redis unless given, which all gateways share. */
  readonly clock?: () => number;
}

/**
 * The window of one key, as a list of times and slots in turn, oldest first. Counts as `sliding-windows.ts` does; a
 * script runs alone in Redis. Numbers go in and out as texts, because Redis cuts off fractions and Lua writes large
 * numbers short.
 */
const script = `
local max, window, slots = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local entries = redis.call('LRANGE', KEYS[1], 0, -1)
for place = 1, #entries do entries[place] = tonumber(entries[place]) end
local left, taken = 0, 0
for place = 1, #entries, 2 do
  if entries[place] <= now - window then left = left + 2 else taken = taken + entries[place + 1] end
end
local function answer(kind, remaining, reset)
  return { kind, string.format('%.0f', math.max(0, remaining)), string.format('%.3f', reset) }
end

if slots > max then return answer('full', max - taken, window) end
if taken + slots > max then
  local place, back = left + 1, entries[left + 2]
  while taken - back + slots > max do
    place = place + 2
    back = back + entries[place + 1]
  end
  return answer('full', max - taken, window - (now - entries[place]))
end

if left > 0 then redis.call('LTRIM', KEYS[1], left, -1) end
local last = #entries > left and entries[#entries - 1] or nil
-- The clock of a Redis that takes over may be behind.
if last and last > now then now = last end
local time = string.format('%.3f', now)
local grain = max > ${maxEntries} and window / ${maxEntries} or 0
if last and grain > 0 and math.floor(last / grain) == math.floor(now / grain) then
  redis.call('LSET', KEYS[1], -2, time)
  redis.call('LSET', KEYS[1], -1, string.format('%.0f', entries[#entries] + slots))
  if #entries == left + 2 then entries[left + 1] = now end
else
  redis.call('RPUSH', KEYS[1], time, string.format('%.0f', slots))
  if not last then entries[left + 1] = now end
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(window)))
return answer('taken', max - taken - slots, window - (now - entries[left + 1]))
`;

const scriptHash = createHash('sha1').update(script).digest('hex');

/**
 * Sliding windows in Redis, for gateways that count together. A window has the name of its key's hash, so that nobody
 * who looks into Redis sees who called, and is gone when the last of its calls has left it.
 */
export class RedisWindows {
  readonly #redis: RedisCommands;
  readonly #keyPrefix: string;
  readonly #clock: (() => number) | undefined;

  constructor(redis: RedisCommands, options: RedisWindowsOptions = {}) {
    this.#redis = redis;
    this.#keyPrefix = options.keyPrefix ?? '';
    this.#clock = options.clock;
  }

  /**
   * Takes the slots, or none of them.
   *
   * @throws Error of the client where Redis cannot be asked, or does not do it
   */
  async reserve(key: string, { max, windowMs, slots }: SlotRequest): Promise<Counted> {
    const name = `${this.#keyPrefix}limit:${createHash('sha256').update(key).digest('base64url')}`;
    const given = [name, String(max), String(windowMs), String(slots), String(this.#clock?.() ?? '')];
    return readCounted(await this.#run(given));
  }

  /**
   * Sends Redis the script, so that it is there when the first call comes.
   *
   * @throws Error of the client where Redis cannot be asked
   */
  async prepare(): Promise<void> {
    await this.#redis.script('LOAD', script);
  }

  async #run(given: string[]): Promise<unknown> {
    try {
      return await this.#redis.evalsha(scriptHash, 1, ...given);
    } catch (error) {
      // A Redis that has been started again does not know the script, and has not run it.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#redis.eval(script, 1, ...given);
    }
  }
}

function readCounted(answer: unknown): Counted {
  const [kind, remaining, resetMs] = Array.isArray(answer) ? (answer as unknown[]) : [];
  if (kind !== 'taken' && kind !== 'full') throw new Error('Redis gave no answer to a reservation.');
  return { kind, remaining: Number(remaining), resetMs: Number(resetMs) };
}
