import type { Request } from 'express';
import { jwtVerify } from 'jose';
import type { StartOptions } from '../backend.js';
import { users as allUsers, type User } from '../data.js';
import { demoAudience, demoIssuer, demoSecret } from '../identities.js';
import {
  page,
  readBody,
  readKeys,
  readText,
  RestProblem,
  runRest,
  type Route,
  type RunningRest,
} from '../rest.js';

/** Starts the users service: REST, described by `openapi.json` beside this file. Each start has users of its own. */
export function startUsers(options: StartOptions = {}): Promise<RunningRest> {
  return runRest('users', options, createRoutes(new Map(allUsers.map((user) => [String(user.id), user]))));
}

type Users = Map<string, User>;

function createRoutes(users: Users): Route[] {
  const one = (request: Request): string => String(request.params['id']);
  return [
    {
      method: 'GET',
      path: '/users',
      keys: (request) => readKeys(request, 'ids') ?? [],
      answer: (request) => list(users, request),
    },
    { method: 'GET', path: '/users/me', answer: (request) => callerOf(users, request) },
    {
      method: 'GET',
      path: '/users/:id',
      keys: (request) => [one(request)],
      answer: (request) => find(users, one(request)),
    },
    {
      method: 'PATCH',
      path: '/users/:id',
      keys: (request) => [one(request)],
      answer: (request) => change(users, one(request), request),
    },
  ];
}

/** Batches come back by id, not as asked: a caller that zips them with its keys gets the wrong user. */
function list(users: Users, request: Request): unknown {
  const asked = readKeys(request, 'ids');
  const rows = [...users.values()];
  if (asked === undefined) return { users: page(request, rows), total: rows.length };
  const wanted = new Set(asked);
  return { users: rows.filter((user) => wanted.has(String(user.id))) };
}

function find(users: Users, id: string): User {
  const user = users.get(id);
  if (user) return user;
  throw new RestProblem(404, 'NOT_FOUND', `No user ${JSON.stringify(id)}.`);
}

async function callerOf(users: Users, request: Request): Promise<User> {
  const [, token = ''] = /^Bearer +(\S+)$/i.exec(request.get('authorization') ?? '') ?? [];
  const subject = await verify(token);
  return find(users, subject);
}

async function verify(token: string): Promise<string> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(demoSecret), {
      algorithms: ['HS256'],
      issuer: demoIssuer,
      audience: demoAudience,
      requiredClaims: ['sub', 'exp'],
    });
    return payload.sub ?? '';
  } catch {
    throw new RestProblem(
      401,
      'UNAUTHENTICATED',
      'Expected a valid demo token: Authorization: Bearer <JWT>.',
    );
  }
}

function change(users: Users, id: string, request: Request): User {
  const user = find(users, id);
  const body = readBody(request, ['name', 'city']);
  const changed = {
    ...user,
    ...('name' in body ? { name: readText(body, 'name', 100) } : {}),
    ...('city' in body ? { city: readText(body, 'city', 100) } : {}),
  };
  users.set(id, changed);
  return changed;
}
