import { Misfit, misfit } from './misfit.js';
import { MalformedMessage } from './reader.js';

/** Seconds and nanoseconds: what `Timestamp` and `Duration` are made of. */
export interface Time {
  readonly seconds: number;
  readonly nanos: number;
}

const earliest = -62_135_596_800;
const latest = 253_402_300_799;
const longest = 315_576_000_000;

/** `2026-11-22T08:41:21.5Z`, with 0, 3, 6 or 9 digits behind the point. */
export function timestampText({ seconds, nanos }: Time): string {
  if (seconds < earliest || seconds > latest || nanos < 0 || nanos > 999_999_999) {
    throw new MalformedMessage('a Timestamp is out of range');
  }
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}

/** `1.5s` */
export function durationText({ seconds, nanos }: Time): string {
  if (Math.abs(seconds) > longest || Math.abs(nanos) > 999_999_999 || seconds * nanos < 0) {
    throw new MalformedMessage('a Duration is out of range');
  }
  const sign = seconds < 0 || nanos < 0 ? '-' : '';
  return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`;
}

function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  if (digits.endsWith('000000')) return `.${digits.slice(0, 3)}`;
  return digits.endsWith('000') ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

const timestamp =
  /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** @throws Misfit */
export function parseTimestamp(value: unknown): Time {
  const match = typeof value === 'string' ? timestamp.exec(value) : null;
  if (match === null) throw expectedTimestamp(value);
  const [, date = '', time = '', digits = '', sign, hours = '0', minutes = '0'] = match;
  const local = `${date}T${time}`;
  const milliseconds = Date.parse(`${local}Z`);
  // February 30th is read as a day in March
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString().slice(0, 19) !== local) {
    throw expectedTimestamp(value);
  }
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 * (sign === '-' ? -1 : 1);
  const seconds = milliseconds / 1_000 - offset;
  if (seconds < earliest || seconds > latest) throw new Misfit('must be a time in the years 1 to 9999');
  return { seconds, nanos: Number(digits.padEnd(9, '0')) };
}

function expectedTimestamp(value: unknown): Misfit {
  const expected = 'a time such as "2026-11-22T08:41:21Z"';
  return typeof value === 'string' ? new Misfit(`must be ${expected}`) : misfit(expected, value);
}

const duration = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;

/** @throws Misfit */
export function parseDuration(value: unknown): Time {
  const match = typeof value === 'string' ? duration.exec(value) : null;
  if (match === null) {
    if (typeof value !== 'string') throw misfit('a length of time such as "1.5s"', value);
    throw new Misfit('must be a length of time such as "1.5s"');
  }
  const [, sign, whole = '', digits = ''] = match;
  const direction = sign === '-' ? -1 : 1;
  // `+ 0`: no negative zero
  const seconds = Number(whole) * direction + 0;
  if (Math.abs(seconds) > longest) throw new Misfit('must be a length of time of at most 10000 years');
  return { seconds, nanos: Number(digits.padEnd(9, '0')) * direction + 0 };
}
