import { readFileSync } from 'node:fs';
import { buildSchema, graphql, GraphQLError } from 'graphql';
import { stringifyJson } from '../../../src/mapping/json.js';
import { Failure, Garbage, runBackend, type Backend, type Call, type Ledger } from './backend.js';
import { headersOf, leaving, readBody, serving } from './http.js';

/** A GraphQL backend, executed by graphql-js: the field `findItem` is the operation of that name. */
export function startGraphql(schemaFile: string): Promise<Backend> {
  const schema = buildSchema(readFileSync(schemaFile, 'utf8'));
  const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}),
  );
  return runBackend(
    (port) => `http://127.0.0.1:${port}/graphql`,
    (ledger) =>
      serving(async (request, response) => {
        const { query, variables } = JSON.parse(await readBody(request));
        const common = { headers: headersOf(request), document: String(query), left: leaving(response) };
        const garbage: Garbage[] = [];
        const rootValue = Object.fromEntries(
          fields.map((operation) => [
            operation,
            (input: Call['input']) => resolve({ operation, input, ...common }, ledger, garbage),
          ]),
        );
        const result = await graphql({ schema, source: query, variableValues: variables, rootValue });
        if (response.destroyed) return;
        const body = garbage[0]?.bytes ?? stringifyJson(result);
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      }),
  );
}

async function resolve(call: Call, ledger: Ledger, garbage: Garbage[]): Promise<unknown> {
  try {
    return await ledger.answer(call);
  } catch (error) {
    if (error instanceof Garbage) garbage.push(error);
    if (!(error instanceof Failure)) throw error;
    throw new GraphQLError(error.message, { extensions: { code: error.kind.toUpperCase() } });
  }
}
