import { users } from '../../demo/data.js';
import { rememberBodies } from './bodies.js';
import { listenHttp, send, toReply, type Reply } from './http.js';

/** The users service of the demo shop, without its cost: REST, `/users/me`, `/users/:id` and `/users?ids=`. */
export async function startUsers(onCall: () => void): Promise<string> {
  const replyTo = rememberBodies(answer);
  return listenHttp((request, response) => {
    onCall();
    const { url = '', headers } = request;
    send(response, replyTo(url === '/users/me' ? `${url}?token=${headers.authorization ?? ''}` : url));
  });
}

function answer(target: string): Reply {
  const { pathname, searchParams } = new URL(target, 'http://users');
  if (pathname === '/users') return toReply({ users: byIds(searchParams.getAll('ids')) });
  const id = pathname === '/users/me' ? subjectOf(searchParams.get('token') ?? '') : pathname.split('/')[2];
  const user = users.find((one) => String(one.id) === id);
  return user ? toReply(user) : toReply({ error: { code: 'NOT_FOUND' } }, 404);
}

function byIds(lists: readonly string[]) {
  const ids = new Set(lists.flatMap((list) => list.split(',')));
  return users.filter(({ id }) => ids.has(String(id)));
}

/** Reads the token without checking it: that is the contestants' work. */
function subjectOf(authorization: string): string | undefined {
  const [, payload = ''] = authorization.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}') as { sub?: string };
  return claims.sub;
}
