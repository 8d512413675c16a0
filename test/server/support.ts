import { connect } from 'node:net';
import { buildSchema, execute, GraphQLError, type GraphQLSchema } from 'graphql';
import { onTestFinished } from 'vitest';
import { RequestContext } from '../../src/base/context.js';
import { GatewayError, toPublicError } from '../../src/base/errors.js';
import type { Executable } from '../../src/execution/executor.js';
import type { CallerFacts } from '../../src/server/apollo.js';
import { serve, type Served, type ServeOptions } from '../../src/server/serve.js';

const typeDefs = /* GraphQL */ `
  type Query {
    hello: String
    caller: String
    header(name: String!): [String!]
    headerNames: [String!]!
    echo(text: String): String
    pick(color: Color): String
    slow: String
    refused: String
    limited: String
    broken: String
    open(door: Door): String
  }
  enum Color {
    RED
    GREEN
  }
  input Door {
    number: Int
  }
  type Mutation {
    touch: Int!
  }
  type Subscription {
    ticks: Int
  }
`;

type Resolve = (args: Record<string, unknown>, context: RequestContext) => unknown;

let touched = 0;

const resolvers: Record<string, Resolve> = {
  hello: () => 'world',
  caller: (_, context) => context.identity?.subject ?? null,
  header: ({ name }, context) => context.headers[String(name)] ?? null,
  headerNames: (_, context) => Object.keys(context.headers),
  echo: ({ text }) => text,
  pick: ({ color }) => color,
  refused: () => {
    throw new GatewayError('FORBIDDEN', 'Not for you.');
  },
  limited: () => {
    throw new GatewayError('RATE_LIMITED', 'Too often.', { extensions: { retryAfter: 2.3 } });
  },
  broken: () => {
    throw new Error('connect ECONNREFUSED 10.0.0.5:8080');
  },
  touch: () => ++touched,
};

/** How often the mutation `touch` has run. */
export function touches(): number {
  return touched;
}

/** A schema and graphql-js on it, with errors as our executors give them. */
export function executableFor(
  schema: GraphQLSchema,
  fields: Readonly<Record<string, Resolve>> = resolvers,
): Executable {
  return {
    schema,
    execute: async ({ document, operationName, variables, context }) => {
      const result = await execute({
        schema,
        document,
        operationName: operationName ?? null,
        variableValues: variables ?? null,
        contextValue: context,
        rootValue: fields,
      });
      if (result.errors === undefined) return result;
      return { ...result, errors: result.errors.map(toPublicError) };
    },
    subscribe: async () => ({ errors: [noSubscriptions] }),
  };
}

const noSubscriptions = new GraphQLError('There are no subscriptions here.', {
  extensions: { code: 'BAD_REQUEST' },
});

/** The executable of most tests; `fields` replaces resolvers. */
export function sampleExecutable(fields: Readonly<Record<string, Resolve>> = {}): Executable {
  return executableFor(buildSchema(typeDefs), { ...resolvers, ...fields });
}

/** The token of a caller, by whichever way it came. */
export function tokenOf({ received, params }: CallerFacts): string | undefined {
  return (params?.['authorization'] ?? received['authorization'])?.[0];
}

/** A context whose identity is whatever the token says. */
export async function contextFor(facts: CallerFacts): Promise<RequestContext> {
  const token = /^Bearer (\S+)$/.exec(tokenOf(facts) ?? '')?.[1];
  if (token === 'bad') throw new GatewayError('UNAUTHENTICATED', 'The token is not valid.');
  const identity = token === undefined ? undefined : { subject: token, claims: {} };
  return new RequestContext({ ...facts, identity });
}

/** A server on a free port, closed at the end of the test. */
export async function start(options: Partial<ServeOptions> = {}): Promise<Served> {
  const served = await serve({
    executable: sampleExecutable(),
    contextFor,
    mode: 'development',
    port: 0,
    closeTimeoutMs: 500,
    ...options,
  });
  onTestFinished(() => served.close());
  return served;
}

/** The JSON of an answer, as loosely as tests look at it. */
export interface Body {
  readonly data: Readonly<Record<string, unknown>>;
  readonly errors: readonly {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

/** Posts a JSON body and reads the JSON answer. */
export async function post(served: Served, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${served.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

/** One answer as it came over a bare socket. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body | undefined;
}

/** What a bare socket saw: the answers in order, and whether the server closed it. */
export interface Exchange {
  readonly answers: readonly RawAnswer[];
  readonly text: string;
}

/** Writes bytes to a socket, and reads until the server closes it. `then` are written 20 ms apart. */
export function exchange(served: Served, bytes: string, then: readonly string[] = []): Promise<Exchange> {
  return new Promise((resolve) => {
    const socket = connect(served.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const rest = [...then];
    const timer = setInterval(() => {
      const next = rest.shift();
      if (next !== undefined && socket.writable) socket.write(next, 'latin1');
    }, 20);
    socket.on('connect', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      clearInterval(timer);
      const text = Buffer.concat(chunks).toString('latin1');
      resolve({ text, answers: readAnswers(text) });
    });
  });
}

/** A POST as text, with the connection to be closed after it. `head` are whole lines. */
export function postText(body: string, head: readonly string[] = []): string {
  const lines = [
    'POST /graphql HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
    ...head,
  ];
  const close = head.some((line) => line.startsWith('Connection:')) ? [] : ['Connection: close'];
  return `${[...lines, ...close].join('\r\n')}\r\n\r\n${body}`;
}

/** A request head as text. */
export function headText(lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function readAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = text; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    );
    const length = Number(headers['content-length'] ?? 0);
    const body = Buffer.from(rest.slice(end + 4, end + 4 + length), 'latin1').toString('utf8');
    answers.push({
      status: Number(first.split(' ')[1]),
      headers,
      body: body === '' ? undefined : (JSON.parse(body) as Body),
    });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}
