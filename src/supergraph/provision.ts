import { getNamedType, isObjectType, type GraphQLObjectType } from 'graphql';
import type { OutputShape } from '../mapping/shape.js';
import type { Subgraph } from '../subgraph/subgraph.js';

/** Which fields come with an object, by where the object came from. */
export interface Provision {
  /** `maybe`: only the data can tell. */
  gives(field: string): 'yes' | 'no' | 'maybe';
  /** The same of the objects that this field holds. */
  under(field: string): Provision;
}

/** Nothing comes along: the objects at the root of an operation. */
export const nothing: Provision = { gives: () => 'no', under: () => nothing };
