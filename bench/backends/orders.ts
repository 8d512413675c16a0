import { readFileSync } from 'node:fs';
import { buildSchema, executeSync, parse, validate } from 'graphql';
import type { OpenCall } from '../../demo/backend.js';
import { openBook } from '../../demo/orders/book.js';
import { createRoot, type OrdersContext } from '../../demo/orders/resolvers.js';
import { rememberBodies } from './bodies.js';
import { listenHttp, readText, send, toReply, type Reply } from './http.js';

/**
 * The orders service of the demo shop, without its cost: GraphQL at `/graphql`. A request is executed the first time
 * it comes; contestants may word it as they like, and each gets the answer to its own words.
 */
export async function startOrders(onCall: () => void): Promise<string> {
  const replyTo = rememberBodies(createAnswer());
  return listenHttp((request, response) => {
    onCall();
    readText(request, (body) => send(response, replyTo(body)));
  });
}

interface GraphQLBody {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null;
  readonly operationName?: string | null;
}

function createAnswer(): (body: string) => Reply {
  const schema = buildSchema(readFileSync('demo/orders/schema.graphql', 'utf8'));
  const rootValue = createRoot(openBook());
  return (body) => {
    const { query, variables, operationName } = JSON.parse(body) as GraphQLBody;
    const document = parse(query);
    const errors = validate(schema, document);
    if (errors.length > 0) return toReply({ errors });
    const contextValue: OrdersContext = { call: { keys: [] as string[] } as unknown as OpenCall };
    const variableValues = variables ?? {};
    return toReply(executeSync({ schema, document, rootValue, contextValue, variableValues, operationName }));
  };
}
