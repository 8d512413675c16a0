import { setMaxListeners } from 'node:events';
import { connectivityState, status as codes, type Metadata, type StatusObject } from '@grpc/grpc-js';
import type { GatewayError } from '../../base/errors.js';
import { toGatewayError } from './errors.js';
import {
  abandoned,
  createCall,
  failureOf,
  neverLeft,
  type Answer,
  type ChannelCall,
  type Request,
  type Route,
} from './exchange.js';

/**
 * Makes a call that is answered with a stream of messages: one answer each, and a last one for a failure that the
 * backend tells. `next()` throws a GatewayError where the stream ends without a status of the backend's own.
 *
 * The time of the route is the time to be connected, and not that of the stream: most servers send nothing, not even
 * headers, before their first message, which may be hours away. From then on, keepalive tells whether the backend is there.
 */
export function openStream(request: Request, route: Route): AsyncIterableIterator<Answer> {
  return new AnswerStream(request, route);
}

interface Waiting {
  readonly resolve: (step: IteratorResult<Answer>) => void;
  readonly reject: (error: GatewayError) => void;
}

class AnswerStream implements AsyncIterableIterator<Answer> {
  readonly #request: Request;
  readonly #route: Route;
  readonly #waiting: Waiting[] = [];
  readonly #timer: NodeJS.Timeout;
  #triesLeft: number;
  #call: ChannelCall | undefined;
  #headers: Metadata | undefined;
  /** Whether a message has been asked of grpc-js that has not come. */
  #isReading = false;
  /** The one message that came before anybody asked for it. */
  #held: Answer | undefined;
  #isOver = false;
  /** What is told last, once. */
  #last: Answer | GatewayError | undefined;

  constructor(request: Request, route: Route) {
    this.#request = request;
    this.#route = route;
    this.#triesLeft = route.tries;
    this.#timer = setTimeout(() => this.#expire(), route.timeoutMs);
    // many streams may belong to one client
    if (route.signal !== undefined) setMaxListeners(0, route.signal);
    route.signal?.addEventListener('abort', this.#abandon, { once: true });
    route.closing.addEventListener('abort', this.#abandon, { once: true });
    if (route.signal?.aborted === true) this.#end(abandoned(route.signal.reason));
    else this.#start();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Answer>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  async return(): Promise<IteratorResult<Answer>> {
    this.#held = undefined;
    this.#end();
    this.#abandon();
    return end;
  }

  #start(): void {
    const { path, message, metadata } = this.#request;
    this.#triesLeft--;
    const client = this.#route.next();
    try {
      this.#call = createCall(client, path, Infinity);
    } catch (error) {
      return this.#end(error as GatewayError);
    }
    this.#isConnected = () => client.getChannel().getConnectivityState(false) === connectivityState.READY;
    this.#call.start(metadata, {
      onReceiveMetadata: (headers) => {
        this.#headers = headers;
        clearTimeout(this.#timer);
      },
      onReceiveMessage: (received: Buffer) => this.#hold(received),
      onReceiveStatus: (status) => this.#finish(status),
    });
    this.#call.sendMessageWithContext({}, message);
    this.#call.halfClose();
    // Before the first read grpc-js takes in whatever comes; after it, only what is asked for.
    this.#read();
  }

  #read(): void {
    this.#isReading = true;
    this.#call?.startRead();
  }

  #hold(message: Buffer): void {
    this.#isReading = false;
    if (this.#isOver) return;
    this.#held = { code: codes.OK, details: '', message, headers: this.#headers };
    this.#serve();
  }

  /** Answers who waits with what is there, and asks for more only where somebody still waits. */
  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#held !== undefined) {
        next.resolve({ done: false, value: this.#held });
        this.#held = undefined;
      } else if (this.#isOver) {
        this.#conclude(next);
      } else break;
      this.#waiting.shift();
    }
    if (this.#waiting.length > 0 && !this.#isReading) this.#read();
  }

  #conclude({ resolve, reject }: Waiting): void {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined) resolve(end);
    else if (last instanceof Error) reject(last);
    else resolve({ done: false, value: last });
  }

  #finish({ code, details, metadata: trailers }: StatusObject): void {
    if (this.#isOver) return;
    if (code === codes.OK) return this.#end();
    const answer = { code, details, headers: this.#headers, trailers };
    const failure = failureOf(answer);
    if (neverLeft(failure) && this.#triesLeft > 0) return this.#start();
    this.#end(toGatewayError(failure) ?? answer);
  }

  #end(last?: Answer | GatewayError): void {
    clearTimeout(this.#timer);
    this.#route.signal?.removeEventListener('abort', this.#abandon);
    this.#route.closing.removeEventListener('abort', this.#abandon);
    this.#isOver = true;
    this.#last = last;
    this.#serve();
  }

  #isConnected = (): boolean => false;

  readonly #abandon = (): void => this.#call?.cancelWithStatus(codes.CANCELLED, 'Cancelled on client');

  #expire(): void {
    if (!this.#isConnected()) this.#call?.cancelWithStatus(codes.DEADLINE_EXCEEDED, 'Deadline exceeded');
  }
}

const end = Object.freeze({ done: true, value: undefined });
