/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type ShopFrontQueryVariables = Exact<{ [key: string]: never; }>;


export type ShopFrontQuery = { me: { name: string, orders: Array<{ id: string, placedAt: string, total: { amount: number, currency: string }, items: Array<{ quantity: number, product: { name: string, price: { amount: number, currency: string } | null } | null }> }> | null } | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const ShopFrontDocument = new TypedDocumentString(`
    query ShopFront {
  me {
    name
    orders(last: 3) {
      id
      placedAt
      total {
        amount
        currency
      }
      items {
        quantity
        product {
          name
          price {
            amount
            currency
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ShopFrontQuery, ShopFrontQueryVariables>;
