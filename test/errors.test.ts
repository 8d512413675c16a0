import { readFileSync } from 'node:fs';
import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { errorCodes, GatewayError, toPublicError } from '../src/base/errors.js';

const readme = readFileSync('README.md', 'utf8');

describe('error codes', () => {
  it('are the same in the README', () => {
    const rows = [...readme.matchAll(/^\| `([A-Z_]+)` +\| (.*?) +\|$/gm)].map((row) => [row[1], row[2]]);
    expect(Object.fromEntries(rows)).toEqual(errorCodes);
  });
});

describe('what a stranger may see', () => {
  const at = (originalError: Error) =>
    new GraphQLError(originalError.message, { originalError, path: ['a'] });

  it('is a GatewayError with its extensions', () => {
    const error = toPublicError(at(new GatewayError('FORBIDDEN', 'No.', { extensions: { more: 1 } })));
    expect(error.toJSON()).toEqual({
      message: 'No.',
      path: ['a'],
      extensions: { code: 'FORBIDDEN', more: 1 },
    });
  });

  it('is not an error that nobody foresaw, nor its cause', () => {
    const cause = new Error('password is hunter2');
    const error = toPublicError(at(new Error('connect ECONNREFUSED 10.0.0.5:8080', { cause })));
    expect(JSON.stringify(error)).not.toMatch(/hunter2|10\.0\.0\.5/);
    expect(error.extensions['code']).toBe('INTERNAL_SERVER_ERROR');
    expect(error.originalError).toBeUndefined();
  });

  it('is not the value that a scalar refused', () => {
    const error = toPublicError(at(new GraphQLError('Int cannot represent non-integer value: "4111-1111"')));
    expect(error.message).not.toContain('4111');
    expect(error.extensions['code']).toBe('CONNECTOR_RESPONSE_INVALID');
  });
});
