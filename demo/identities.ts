import { SignJWT } from 'jose';

/** Signs the demo tokens. It is published on purpose: use it for nothing else. */
export const demoSecret = 'backstitch demo secret, known to everybody, protects nothing';

/** Who issues the demo tokens (`iss`). */
export const demoIssuer = 'https://demo.backstitch.example';

/** For whom they are (`aud`). */
export const demoAudience = 'backstitch-demo';

/** The three people of the demo. */
export type DemoName = 'customer' | 'agent' | 'admin';

/** What each of them is (`sub`) and may do (`scope`). Customer 1 is a user of the shop, the others are staff. */
export const identities: Readonly<Record<DemoName, { readonly sub: string; readonly scope: string }>> = {
  customer: { sub: '1', scope: 'orders:own' },
  agent: { sub: '901', scope: 'orders:read' },
  admin: { sub: '902', scope: 'orders:read users:read:email admin' },
};

/**
 * A demo JWT (HS256), the same text at each start: issued 2025-01-01, it runs out in 2100.
 * @example fetch(url, { headers: { authorization: `Bearer ${await demoToken('customer')}` } })
 */
export async function demoToken(name: DemoName): Promise<string> {
  const { sub, scope } = identities[name];
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(sub)
    .setIssuer(demoIssuer)
    .setAudience(demoAudience)
    .setIssuedAt(Date.UTC(2025, 0, 1) / 1000)
    .setExpirationTime(Date.UTC(2100, 0, 1) / 1000)
    .sign(new TextEncoder().encode(demoSecret));
}
