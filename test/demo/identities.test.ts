import { decodeJwt, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { demoAudience, demoIssuer, demoSecret, demoToken, type DemoName } from '../../demo/identities.js';

describe('the demo tokens', () => {
  it.each<[DemoName, string, string]>([
    ['customer', '1', 'orders:own'],
    ['agent', '901', 'orders:read'],
    ['admin', '902', 'orders:read users:read:email admin'],
  ])('%s is %s and may %s', async (name, sub, scope) => {
    const token = await demoToken(name);
    const { payload } = await jwtVerify(token, new TextEncoder().encode(demoSecret), {
      issuer: demoIssuer,
      audience: demoAudience,
    });
    expect(payload).toEqual({
      sub,
      scope,
      iss: demoIssuer,
      aud: demoAudience,
      iat: 1735689600,
      exp: 4102444800,
    });
  });

  it('are the same text each time', async () => {
    expect(await demoToken('customer')).toBe(await demoToken('customer'));
    expect(decodeJwt(await demoToken('admin')).exp).toBe(Date.UTC(2100, 0, 1) / 1000);
  });
});
