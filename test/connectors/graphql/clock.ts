import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Reply } from '../../../src/connectors/transport.js';
import { open, type Opened } from './open.js';

/** The schema of the service. */
export const sdl = /* GraphQL */ `
  type Query {
    nothing: Int
  }
  type Subscription {
    ticks(to: Int!, step: Int = 1): Tick
    hits: [Hit!]!
  }
  type Tick {
    number: Int!
    big: Float
    text: String
    note: String
  }
  union Hit = Book | Film
  type Book {
    title: String!
  }
  type Film {
    title: String
  }
`;

/** Opens the connectors of a service that has `ticks` and `hits`. */
export async function openClock(url: string, selection = 'number text', more = ''): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'backstitch-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'remote.graphqls'), sdl);
  return open(
    /* GraphQL */ `
    extend schema @source(name: "clock", graphql: {
      url: "http://127.0.0.1:1/graphql", subscriptions: "${url}", schema: "remote.graphqls"
      headers: [{ name: "Authorization", from: "authorization" }, { name: "X-Stage", value: "test" }]
    })
    scalar JSON
    type Query { nothing: Int }
    type Subscription {
      ticks(to: Int): JSON @connect(source: "clock", selection: "${selection}", graphql: {
        subscription: "ticks", args: "to: $args.to" ${more}
      })
      hits: JSON @connect(source: "clock", selection: "title", graphql: { subscription: "hits" })
    }
  `,
    { folder },
  );
}

/** The arguments of `ticks`. */
export const to = (number: number) => ({ $args: { to: number } });

/** Every reply of a stream. */
export async function all(stream: AsyncIterable<Reply>): Promise<Reply[]> {
  const replies: Reply[] = [];
  for await (const reply of stream) replies.push(reply);
  return replies;
}
