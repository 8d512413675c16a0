import type { TypedDocumentString } from './client/graphql.js';

/** Who asks, and with what. */
export interface AskOptions<Variables> {
  readonly token?: string;
  readonly variables?: Variables;
}

/** What a GraphQL server answers. */
export interface Answered<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

/**
 * A whole GraphQL client: posts one of the typed operations in `demo/client/`.
 *
 * @example
 * const { data } = await ask('http://localhost:4000/graphql', ShopFrontDocument, { token });
 * data?.me?.orders?.map((order) => order.total.amount);
 */
export async function ask<Data, Variables>(
  url: string,
  operation: TypedDocumentString<Data, Variables>,
  { token, variables }: AskOptions<Variables> = {},
): Promise<Answered<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query: operation.toString(), variables }),
  });
  return (await response.json()) as Answered<Data>;
}
