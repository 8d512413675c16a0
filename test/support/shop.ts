import { demoAudience, demoIssuer, demoSecret, demoToken, type DemoName } from '../../demo/identities.js';
import { startShop, type Shop } from '../../demo/shop.js';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/index.js';

/** The demo shop with a gateway before it that listens: all real, all on free ports. */
export interface ShopFront {
  readonly shop: Shop;
  readonly gateway: Gateway;
  readonly url: string;
  /** Posts a query as one of the demo's people, or as nobody, and gives status and body as text. */
  post(query: string, as?: DemoName, variables?: Record<string, unknown>): Promise<Posted>;
  /** How many calls each backend has had since {@link Shop.reset}. */
  counts(): { users: number; products: number; orders: number };
  close(): Promise<void>;
}

export interface Posted {
  readonly status: number;
  readonly text: string;
  /** The body as JSON. */
  readonly answer: Answer;
}

export interface Answer {
  // A test knows what it asked for.
  readonly data?: Record<string, never> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: Record<string, unknown>;
  }[];
}

/** Starts both; `options` go to the gateway. */
export async function startShopFront(options: GatewayOptions = {}): Promise<ShopFront> {
  const shop = await startShop();
  const gateway = await createGateway({
    ...options,
    environment: { ...shop.environment, ...options.environment },
    config: {
      schemas: 'schemas',
      log: 'silent',
      mode: 'development',
      jwt: [
        {
          issuer: demoIssuer,
          audience: demoAudience,
          algorithms: ['HS256'],
          key: { secret: demoSecret },
        },
      ],
      ...options.config,
    },
  });
  const { url, close } = await gateway.serve({ port: 0 });
  return {
    shop,
    gateway,
    url,
    post: (query, as, variables) => post(`${url}/graphql`, query, as, variables),
    counts: () => ({
      users: shop.users.count(),
      products: shop.products.count(),
      orders: shop.orders.count(),
    }),
    close: async () => {
      await close();
      await gateway.close();
      await shop.close();
    },
  };
}

async function post(
  url: string,
  query: string,
  as: DemoName | undefined,
  variables: Record<string, unknown> | undefined,
): Promise<Posted> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(as !== undefined && { authorization: `Bearer ${await demoToken(as)}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  return { status: response.status, text, answer: JSON.parse(text) as Answer };
}
