import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One request, again and again. */
export interface LoadOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The bytes that each answer must have. */
  readonly expected: Buffer;
  readonly connections: number;
}

/** When a run is over: at whichever comes first. */
export interface Bounds {
  readonly seconds: number;
  readonly requests: number;
}

/** What a run did. */
export interface Run {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds from request to whole answer, sorted. */
  readonly latencies: readonly number[];
}

/** Open connections to one contestant. */
export interface Load {
  /** Sends requests until the bounds are reached and each is answered. Fails at the first answer that is not right. */
  run(bounds: Bounds): Promise<Run>;
  close(): void;
}

/** Beyond the time of the run: how long the last answers may take. */
const graceMs = 15_000;

/**
 * A closed loop over kept connections: each sends its next request when it has the answer to the one before. Plain
 * sockets, because an HTTP client would take more from its core than the backends beside it.
 */
export async function openLoad(options: LoadOptions): Promise<Load> {
  const request = toBytes(options);
  const lines: Line[] = [];
  const close = (): void => lines.forEach((line) => line.close());
  try {
    for (let n = 0; n < options.connections; n += 1) lines.push(await openLine(options, request));
  } catch (error) {
    close();
    throw error;
  }
  return { run: (bounds) => run(lines, bounds), close };
}

async function run(lines: readonly Line[], { seconds, requests }: Bounds): Promise<Run> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + seconds * 1000;
  let sent = 0;
  let late: NodeJS.Timeout | undefined;

  const work = async (line: Line): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      let sentAt = 0;
      const next = (): void => {
        const now = performance.now();
        if (sentAt > 0) latencies.push(now - sentAt);
        if (sent >= requests || now >= end) return resolve();
        sent += 1;
        sentAt = now;
        line.send(next, reject);
      };
      next();
    });
  };
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error('some requests were never answered')), seconds * 1000 + graceMs);
  });
  try {
    await Promise.race([Promise.all(lines.map(work)), tooLate]);
  } finally {
    clearTimeout(late);
  }
  const took = (performance.now() - start) / 1000;
  return { requests: latencies.length, seconds: took, latencies: latencies.sort((a, b) => a - b) };
}

/** One connection, with at most one request under way. */
interface Line {
  send(onAnswer: () => void, onError: (error: Error) => void): void;
  close(): void;
}

async function openLine({ url, expected }: LoadOptions, request: Buffer): Promise<Line> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let onAnswer: (() => void) | undefined;
  let onError: ((error: Error) => void) | undefined;
  const fail = (error: Error): void => {
    socket.destroy();
    onError?.(error);
    onAnswer = onError = undefined;
  };
  const read = createReader(expected);
  socket.on('data', (chunk) => {
    try {
      if (read(chunk)) onAnswer?.();
    } catch (error) {
      fail(error as Error);
    }
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection was closed')));
  return {
    send(answered, failed) {
      onAnswer = answered;
      onError = failed;
      if (socket.destroyed) fail(new Error('the connection was closed'));
      else socket.write(request);
    },
    close: () => closeQuietly(socket),
  };
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners('close').destroy();
}

const endOfHead = Buffer.from('\r\n\r\n');

/** Reads answers out of chunks; true when one is complete. Only as much HTTP as contestants speak. */
function createReader(expected: Buffer): (chunk: Buffer) => boolean {
  let head: Buffer | undefined = Buffer.alloc(0);
  let read = 0;
  return (chunk) => {
    let body = chunk;
    if (head) {
      const bytes: Buffer = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const end = bytes.indexOf(endOfHead);
      if (end < 0) {
        head = bytes;
        return false;
      }
      body = bytes.subarray(end + endOfHead.length);
      checkHead(bytes.toString('latin1', 0, end + 2), body, expected);
      head = undefined;
    }
    const to = read + body.length;
    if (to > expected.length || expected.compare(body, 0, body.length, read, to) !== 0) {
      throw new Error(
        `an answer differs from the one that was checked, after byte ${read}: ${excerpt(body)}`,
      );
    }
    read = to;
    if (read < expected.length) return false;
    head = Buffer.alloc(0);
    read = 0;
    return true;
  };
}

function checkHead(head: string, body: Buffer, expected: Buffer): void {
  if (!head.startsWith('HTTP/1.1 200 ')) {
    throw new Error(`answered ${head.slice(0, head.indexOf('\r\n'))}: ${excerpt(body)}`);
  }
  const [, length] = /\r\ncontent-length: *(\d+)\r\n/i.exec(head) ?? [];
  if (Number(length) !== expected.length) {
    throw new Error(
      `an answer has ${length ?? 'no'} Content-Length instead of ${expected.length}: ${excerpt(body)}`,
    );
  }
}

function excerpt(body: Buffer): string {
  return body.toString('utf8', 0, 300);
}

function toBytes({ url, headers, body }: LoadOptions): Buffer {
  const { host, pathname } = new URL(url);
  const lines = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
