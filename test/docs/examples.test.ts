import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.js';
import { blocksOf } from '../support/markdown.js';
import { startRest, type CannedAnswer, type RestBackend } from '../support/rest.js';

const folder = new URL('../../docs/examples/', import.meta.url);
const page = blocksOf(readFileSync(new URL('README.md', folder), 'utf8'));

/** The query that the README shows below a heading. */
function shown(heading: string): string {
  const block = page.find((each) => each.heading === heading && each.language === 'graphql');
  if (block === undefined) throw new Error(`The README shows no query below "${heading}".`);
  return block.text;
}

/** What an API answers: its JSON by `VERB /path`. */
type Api = Readonly<Record<string, unknown>>;

/** Loads one example as it stands, with its source pointed at a stand-in for the API. */
async function withApi(
  name: string,
  api: ReadonlyMap<string, CannedAnswer>,
  use: (gateway: Gateway, backend: RestBackend) => Promise<void>,
): Promise<void> {
  const backend = await startRest(api);
  const path = `docs/examples/${name}.graphql`;
  const gateway = await createGateway({
    files: { [path]: readFileSync(new URL(`${name}.graphql`, folder), 'utf8') },
    environment: { GITHUB_TOKEN: 't0ken', [`SOURCE_${name.toUpperCase()}_URL`]: backend.url },
    config: { log: 'silent' },
  });
  try {
    await use(gateway, backend);
  } finally {
    await gateway.close();
    await backend.close();
  }
}

function toAnswers(api: Api): Map<string, CannedAnswer> {
  return new Map(Object.entries(api).map(([request, answer]) => [request, { body: JSON.stringify(answer) }]));
}

async function ask(gateway: Gateway, query: string): Promise<unknown> {
  return JSON.parse(JSON.stringify(await gateway.ask({ query })));
}

describe('the examples together', () => {
  it('load from their folder', async () => {
    const gateway = await createGateway({
      config: { schemas: 'docs/examples', log: 'silent' },
      environment: { GITHUB_TOKEN: 't0ken' },
    });
    expect(gateway.subgraphs.map(({ name, version, strict }) => [name, version, strict])).toEqual([
      ['github', '0.3', true],
      ['openlibrary', '0.4', true],
      ['pokeapi', '0.2', true],
    ]);
    await gateway.close();
  });
});

describe('GitHub', () => {
  const sent = 'authorization: Bearer t0ken | x-github-api-version: 2022-11-28';
  const issue = (number: number, login: string, more: object = {}) => ({
    id: 3_000_000 + number,
    node_id: `I_${number}`,
    url: `https://api.github.com/repos/graphql/graphql-js/issues/${number}`,
    number,
    title: `Issue ${number}`,
    state: 'open',
    comments: 2,
    created_at: '2025-03-01T09:00:00Z',
    body: null,
    labels: [{ id: 9, name: 'bug', color: 'd73a4a', default: true, description: null }],
    user: { login, id: 1, type: 'User', site_admin: false },
    ...more,
  });
  const repository = {
    id: 38342221,
    node_id: 'MDEwOlJlcG9zaXRvcnkzODM0MjIyMQ==',
    name: 'graphql-js',
    full_name: 'graphql/graphql-js',
    owner: { login: 'graphql', id: 12972006, type: 'Organization' },
    private: false,
    description: 'A reference implementation of GraphQL for JavaScript',
    stargazers_count: 20300,
    topics: ['graphql', 'graphql-js'],
    license: { key: 'mit', name: 'MIT License', spdx_id: 'MIT' },
  };
  const issues = '/repos/graphql/graphql-js/issues?state=open&labels=bug%2Chelp%20wanted&per_page=3&page=1';
  const pull = { pull_request: { html_url: 'https://github.com/graphql/graphql-js/pull/3' } };
  const pages = 'https://api.github.com/repositories/38342221/issues';

  it('answers with a repository, a page of its issues, and each of their authors once', async () => {
    const api = toAnswers({
      'GET /repos/graphql/graphql-js': repository,
      'GET /users/ada': { login: 'ada', id: 1, name: 'Ada Threadwell', company: null, followers: 12 },
      'GET /users/ida': { login: 'ida', id: 2, name: null, company: '@looms', followers: 7 },
    });
    api.set(`GET ${issues}`, {
      headers: { link: `<${pages}?page=2>; rel="next", <${pages}?page=9>; rel="last"` },
      body: JSON.stringify([issue(1, 'ada'), issue(2, 'ida'), issue(3, 'ada', pull)]),
    });
    await withApi('github', api, async (gateway, backend) => {
      const ada = { login: 'ada', name: 'Ada Threadwell' };
      expect(await ask(gateway, shown('GitHub'))).toEqual({
        data: {
          repository: {
            fullName: 'graphql/graphql-js',
            stars: 20300,
            license: 'MIT',
            issues: {
              hasNextPage: true,
              nodes: [
                { number: 1, title: 'Issue 1', isPullRequest: false, author: ada },
                { number: 2, title: 'Issue 2', isPullRequest: false, author: { login: 'ida', name: null } },
                { number: 3, title: 'Issue 3', isPullRequest: true, author: ada },
              ],
            },
          },
        },
      });
      expect(backend.calls.toSorted()).toEqual(
        ['GET /repos/graphql/graphql-js', `GET ${issues}`, 'GET /users/ada', 'GET /users/ida']
          .map((line) => `${line} | ${sent}`)
          .toSorted(),
      );
    });
  });

  it('ends a list of pages where there is no link header', async () => {
    const api = toAnswers({
      'GET /repos/graphql/graphql-js': repository,
      'GET /repos/graphql/graphql-js/issues?state=all&per_page=30&page=4': [],
    });
    const query = `{
      repository(owner: "graphql", name: "graphql-js") {
        issues(state: all, page: 4) { hasNextPage nodes { number } }
      }
    }`;
    await withApi('github', api, async (gateway, backend) => {
      expect(await ask(gateway, query)).toEqual({
        data: { repository: { issues: { hasNextPage: false, nodes: [] } } },
      });
      expect(backend.calls).toHaveLength(2);
    });
  });

  it('has null for a repository that is not there', async () => {
    const gone = { status: 404, body: '{"message":"Not Found","status":"404"}' };
    await withApi('github', new Map([['GET /repos/graphql/nothing', gone]]), async (gateway) => {
      expect(await ask(gateway, '{ repository(owner: "graphql", name: "nothing") { stars } }')).toEqual({
        data: { repository: null },
      });
    });
  });

  it('opens an issue with what was given, and says why it could not', async () => {
    const refused = {
      status: 422,
      body: '{"message":"Validation Failed","documentation_url":"https://docs.github.com/rest"}',
    };
    const api = toAnswers({ 'POST /repos/a/b/issues': issue(8, 'ada') });
    api.set('POST /repos/a/c/issues', refused);
    const query = `mutation {
      opened: createIssue(owner: "a", repository: "b", title: "Seam opens", labels: ["bug"]) { number author { login } }
      refused: createIssue(owner: "a", repository: "c", title: "") { number }
    }`;
    await withApi('github', api, async (gateway, backend) => {
      expect(await ask(gateway, query)).toMatchObject({
        data: { opened: { number: 8, author: { login: 'ada' } }, refused: null },
        errors: [
          { message: 'Validation Failed', extensions: { documentation: 'https://docs.github.com/rest' } },
        ],
      });
      expect(backend.calls).toEqual([
        `POST /repos/a/b/issues | ${sent} | {"title":"Seam opens","labels":["bug"]}`,
        `POST /repos/a/c/issues | ${sent} | {"title":""}`,
      ]);
    });
  });

  it('needs a token', async () => {
    const files = { 'github.graphql': readFileSync(new URL('github.graphql', folder), 'utf8') };
    await expect(createGateway({ files, config: { log: 'silent' } })).rejects.toThrow('GITHUB_TOKEN');
  });
});

describe('PokéAPI', () => {
  const named = (kind: string, name: string) => ({ name, url: `https://pokeapi.co/api/v2/${kind}/${name}/` });
  const pokemon = (id: number, name: string, weight: number) => ({
    id,
    name,
    base_experience: 112,
    height: 4,
    weight,
    is_default: true,
    abilities: [{ ability: named('ability', 'static'), is_hidden: false, slot: 1 }],
    sprites: {
      front_default: `https://raw.githubusercontent.com/PokeAPI/sprites/${id}.png`,
      back_female: null,
    },
    species: named('pokemon-species', name),
    types: [{ slot: 1, type: named('type', 'electric') }],
  });
  const species = (id: number, name: string) => ({
    id,
    name,
    base_happiness: 50,
    is_legendary: false,
    color: named('pokemon-color', 'yellow'),
  });
  const api: Api = {
    'GET /pokemon?limit=2&offset=24': {
      count: 1302,
      next: 'https://pokeapi.co/api/v2/pokemon?offset=26&limit=2',
      previous: 'https://pokeapi.co/api/v2/pokemon?offset=22&limit=2',
      results: [named('pokemon', 'pikachu'), named('pokemon', 'raichu')],
    },
    'GET /pokemon/pikachu/': pokemon(25, 'pikachu', 60),
    'GET /pokemon/raichu/': pokemon(26, 'raichu', 300),
    'GET /pokemon-species/pikachu/': species(25, 'pikachu'),
    'GET /pokemon-species/raichu/': species(26, 'raichu'),
    'GET /type/electric/': {
      id: 13,
      name: 'electric',
      damage_relations: {
        double_damage_from: [named('type', 'ground')],
        double_damage_to: [named('type', 'flying'), named('type', 'water')],
        no_damage_from: [],
      },
    },
  };

  it('completes a page of names, and asks for the type that two share once', async () => {
    await withApi('pokeapi', toAnswers(api), async (gateway, backend) => {
      const rest = { types: [{ name: 'electric', weakAgainst: ['ground'] }], species: { color: 'yellow' } };
      expect(await ask(gateway, shown('PokéAPI'))).toEqual({
        data: {
          pokemons: {
            total: 1302,
            nodes: [
              { name: 'pikachu', weight: 60, ...rest },
              { name: 'raichu', weight: 300, ...rest },
            ],
          },
        },
      });
      expect(backend.calls.toSorted()).toEqual(Object.keys(api).toSorted());
    });
  });

  it('gives all of one Pokémon in one call', async () => {
    const query =
      '{ pokemon(name: "pikachu") { id height sprite abilities { name isHidden } types { name } } }';
    await withApi('pokeapi', toAnswers(api), async (gateway, backend) => {
      expect(await ask(gateway, query)).toEqual({
        data: {
          pokemon: {
            id: '25',
            height: 4,
            sprite: 'https://raw.githubusercontent.com/PokeAPI/sprites/25.png',
            abilities: [{ name: 'static', isHidden: false }],
            types: [{ name: 'electric' }],
          },
        },
      });
      expect(backend.calls).toEqual(['GET /pokemon/pikachu/']);
    });
  });
});

describe('Open Library', () => {
  const search = '/search.json?fields=key,title,first_publish_year,author_key,isbn';
  const edition = (title: string, pages: number) => ({
    url: 'https://openlibrary.org/books/OL1M',
    key: '/books/OL1M',
    title,
    number_of_pages: pages,
    publish_date: 'October 1, 1988',
    publishers: [{ name: 'Puffin' }],
    cover: {
      small: 'https://covers.openlibrary.org/b/id/1-S.jpg',
      medium: 'https://covers.openlibrary.org/b/id/1-M.jpg',
    },
  });
  const api: Api = {
    [`GET ${search}&q=roald%20dahl%20fox&limit=3&page=1`]: {
      numFound: 61,
      start: 0,
      docs: [
        {
          key: '/works/OL45804W',
          title: 'Fantastic Mr Fox',
          first_publish_year: 1970,
          author_key: ['OL34184A'],
          isbn: ['9780140328721', '0140328726'],
        },
        {
          key: '/works/OL2W',
          title: 'The Enormous Crocodile',
          first_publish_year: 1978,
          author_key: ['OL34184A'],
          isbn: ['9780142414538'],
        },
        { key: '/works/OL3W', title: 'A play of the fox', author_key: ['OL34184A'] },
      ],
    },
    'GET /works/OL45804W.json': {
      key: '/works/OL45804W',
      title: 'Fantastic Mr Fox',
      description: { type: '/type/text', value: 'The main character is Mr. Fox.' },
      subjects: ['Foxes'],
    },
    'GET /works/OL2W.json': {
      key: '/works/OL2W',
      title: 'The Enormous Crocodile',
      description: 'A crocodile.',
    },
    'GET /works/OL3W.json': { key: '/works/OL3W', title: 'A play of the fox' },
    'GET /authors/OL34184A.json': {
      key: '/authors/OL34184A',
      name: 'Roald Dahl',
      birth_date: '13 September 1916',
    },
    'GET /api/books?format=json&jscmd=data&bibkeys=ISBN%3A9780140328721%2CISBN%3A9780142414538': {
      'ISBN:9780142414538': edition('The Enormous Crocodile', 32),
      'ISBN:9780140328721': edition('Fantastic Mr. Fox', 96),
    },
  };

  it('completes the books of a search, all editions in one call', async () => {
    await withApi('openlibrary', toAnswers(api), async (gateway, backend) => {
      const authors = [{ name: 'Roald Dahl' }];
      expect(await ask(gateway, shown('Open Library'))).toEqual({
        data: {
          books: {
            total: 61,
            nodes: [
              {
                title: 'Fantastic Mr Fox',
                firstPublished: 1970,
                description: 'The main character is Mr. Fox.',
                authors,
                edition: { isbn: '9780140328721', pages: 96, publishers: ['Puffin'] },
              },
              {
                title: 'The Enormous Crocodile',
                firstPublished: 1978,
                description: 'A crocodile.',
                authors,
                edition: { isbn: '9780142414538', pages: 32, publishers: ['Puffin'] },
              },
              { title: 'A play of the fox', firstPublished: null, description: null, authors, edition: null },
            ],
          },
        },
      });
      expect(backend.calls.toSorted()).toEqual(Object.keys(api).toSorted());
    });
  });

  it('makes one call for what the search itself tells', async () => {
    await withApi('openlibrary', toAnswers(api), async (gateway, backend) => {
      await ask(
        gateway,
        '{ books(search: "roald dahl fox", first: 3) { nodes { id title authors { id } } } }',
      );
      expect(backend.calls).toHaveLength(1);
    });
  });

  it('says who asks, if the configuration does', async () => {
    const agents: unknown[] = [];
    const server = createServer((request, response) => {
      agents.push(request.headers['user-agent']);
      response.setHeader('content-type', 'application/json').end('{"numFound":0,"docs":[]}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const shownConfig = page.find((block) => block.language === 'json')?.text ?? '';
    const { config } = (JSON.parse(shownConfig) as { sources: { openlibrary: { config: object } } }).sources
      .openlibrary;
    for (const openlibrary of [{ url }, { url, config: { ...config } }]) {
      const gateway = await createGateway({
        files: { 'openlibrary.graphql': readFileSync(new URL('openlibrary.graphql', folder), 'utf8') },
        config: { sources: { openlibrary }, log: 'silent' },
      });
      expect(await ask(gateway, '{ books(search: "x") { total } }')).toEqual({
        data: { books: { total: 0 } },
      });
      await gateway.close();
    }
    server.close();
    expect(agents).toEqual(['backstitch-example (no contact given)', 'backstitch-example (you@example.com)']);
  });
});
