import { WebSocket } from 'ws';
import type { Headers } from '../../base/context.js';
import { GatewayError } from '../../base/errors.js';
import { invalid, largestReply, tooLarge, toHeaders } from '../wire.js';

/** How a socket is opened. */
export interface SocketSetting<Message> {
  readonly url: URL;
  /** The subprotocol, without which there is nothing to talk about. */
  readonly protocol: string;
  /** Sent with the request that opens it. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first text that is sent. */
  readonly greeting: string;
  /**
   * Reads a text as soon as it has come. What nobody has to wait for is undefined.
   *
   * @throws GatewayError where it makes no sense; no more is read then
   */
  read(text: string, socket: Socket<Message>): Message | undefined;
}

/** The service has answered with an HTTP status, not with a socket. */
export class Refused extends Error {
  readonly status: number;
  readonly headers: Headers;

  constructor(status: number, headers: Headers) {
    super(`The service answered with status ${status}.`);
    this.status = status;
    this.headers = headers;
  }
}

/** The service has closed the socket, or the network has: `code` is one of WebSocket's, or the service's own. */
export class Closed extends GatewayError {
  readonly closeCode: number;

  constructor(code: number, reason: string) {
    const cause = new Error(`The socket was closed with code ${code}. ${reason}`.trim());
    super('HTTP_CLIENT_ERROR', "The backend's stream broke off.", { cause });
    this.closeCode = code;
  }
}

/** So many bytes of messages may wait for their reader; then no more are read from the connection. */
const mostWaiting = 64_000;

/** A peer that has been silent for so long is asked for a sign of life, … */
const quietMs = 20_000;
/** … and is given up where none comes in this time. */
const answerMs = 10_000;

/** Answers of ours that the service does not take: more of them are not made. */
const mostUnsent = 64_000;

/**
 * A WebSocket whose messages are waited for one by one. While too many wait for their reader, nothing is read, and
 * TCP slows the service down. Its pings are not answered then either: a service that pings may give up a reader who
 * is that slow.
 */
export class Socket<Message> {
  readonly #socket: WebSocket;
  readonly #waiting: { readonly message: Message; readonly size: number }[] = [];
  #waitingSize = 0;
  /** Why there will be no more messages. */
  #end: Error | undefined;
  #wake: () => void = () => undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #heardAt = 0;

  /** @throws GatewayError `BAD_USER_INPUT` where a header cannot be sent */
  constructor(setting: SocketSetting<Message>) {
    this.#socket = connect(setting)
      .on('open', () => this.#open(setting.greeting))
      .on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary, setting))
      .on('ping', () => this.#hear())
      .on('pong', () => this.#hear())
      .on('unexpected-response', (_, { statusCode = 0, headers }) =>
        this.#finish(new Refused(statusCode, toHeaders(headers))),
      )
      .on('error', (error) => this.#finish(toFailure(error, this.#heartbeat !== undefined)))
      .on('close', (code, reason) => this.#finish(new Closed(code, reason.toString('utf8'))));
  }

  /**
   * The next message. All that have come are given before the end is told.
   *
   * @throws Refused, Closed, or another GatewayError
   */
  async receive(): Promise<Message> {
    for (;;) {
      const first = this.#waiting.shift();
      if (first !== undefined) {
        this.#waitingSize -= first.size;
        this.#resume();
        return first.message;
      }
      if (this.#end !== undefined) throw this.#end;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Sends a text, unless the service takes nothing any more. */
  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount < mostUnsent) {
      this.#socket.send(text);
    }
  }

  /** Says goodbye and lets go. Whoever waits for a message is sent away. */
  close(): void {
    this.#finish(new Closed(1000, 'Nobody waits any more.'));
  }

  #open(greeting: string): void {
    this.#hear();
    this.#heartbeat = setInterval(() => this.#checkLife(), answerMs);
    this.send(greeting);
  }

  #receive(data: Buffer, isBinary: boolean, { read }: SocketSetting<Message>): void {
    if (this.#end !== undefined) return;
    this.#hear();
    try {
      if (isBinary)
        throw invalid("The backend's answer cannot be read.", new Error('The message is no text.'));
      const message = read(data.toString('utf8'), this);
      if (message !== undefined) this.#put(message, data.length);
    } catch (error) {
      this.#finish(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #put(message: Message, size: number): void {
    this.#waiting.push({ message, size });
    this.#waitingSize += size;
    if (this.#waitingSize >= mostWaiting) this.#socket.pause();
    this.#wake();
  }

  #resume(): void {
    if (!this.#socket.isPaused || this.#waitingSize >= mostWaiting) return;
    this.#hear();
    this.#socket.resume();
  }

  #hear(): void {
    this.#heardAt = performance.now();
  }

  /** As long as we do not listen, silence means nothing. */
  #checkLife(): void {
    if (this.#socket.isPaused) return;
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs >= quietMs + answerMs) this.#finish(new Closed(1006, 'The peer gave no sign of life.'));
    else if (silentMs >= quietMs && this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  #finish(end: Error): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    clearInterval(this.#heartbeat);
    this.#wake();
    if (this.#socket.readyState === WebSocket.CONNECTING) return this.#socket.terminate();
    // The service's goodbye must be read to be heard.
    if (this.#socket.isPaused) this.#socket.resume();
    this.#socket.close(1000);
  }
}

function connect<Message>({ url, protocol, headers }: SocketSetting<Message>): WebSocket {
  const options = {
    headers: { ...headers },
    maxPayload: largestReply,
    perMessageDeflate: false,
    /** For the goodbye; the connection is cut then. */
    closeTimeout: 1_000,
  };
  try {
    return new WebSocket(url, protocol, options);
  } catch (cause) {
    throw new GatewayError('BAD_USER_INPUT', 'A header or the URL of the call cannot be sent.', { cause });
  }
}

/** @param wasOpen whether the socket has been open */
function toFailure(cause: Error, wasOpen: boolean): GatewayError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return tooLarge(cause);
  // The handshake's own complaints have no code.
  if (/^(?:|WS_ERR_.*|HPE_.*)$/.test(code)) return invalid("The backend's answer is not WebSocket.", cause);
  const message = wasOpen ? "The backend's stream broke off." : 'The backend could not be reached.';
  return new GatewayError('HTTP_CLIENT_ERROR', message, { cause });
}
