import type { Socket } from 'node:net';
import {
  CloseCode,
  MessageType,
  validateMessage,
  type ConnectionInitMessage,
  type SubscribeMessage,
} from 'graphql-ws';
import type { RawData, WebSocket } from 'ws';
import type { Headers } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { parseJson, stringifyJson } from '../mapping/json.js';
import type { Answers } from './answers.js';
import type { CallerFacts, GraphQLRequest, GraphQLServer, Outcome } from './apollo.js';
import { BadConnectionParams, toConnectionFacts, type ConnectionFacts } from './connection-facts.js';
import { onExpiry } from './expiry.js';
import { createOutlet, type Outlet } from './outlet.js';
import { readJson } from './read-request.js';
import { errorBody } from './refusal.js';
import type { SubscriptionLimits } from './subscribers.js';
import { clientCertificate } from './tls.js';

/** What a {@link Connection} needs. */
export interface ConnectionOptions {
  readonly server: GraphQLServer;
  readonly socket: Socket;
  /** Of the request that became the WebSocket. */
  readonly headers: Headers;
  /** Lower-case names of headers that `connectionParams` may bring, besides `authorization`. */
  readonly connectionHeaders: readonly string[];
  readonly limits: SubscriptionLimits;
  readonly log: Log;
}

/** Where a connection is in its life. Only one that is `open` begins operations. */
type Phase =
  | { readonly name: 'new' }
  | { readonly name: 'checking' }
  | { readonly name: 'open'; readonly facts: ConnectionFacts }
  | { readonly name: 'leaving' }
  | { readonly name: 'closed' };

/** An operation from its `subscribe` until nothing of it is left. */
interface Operation {
  readonly id: string;
  /** Aborted when the client wants no more of it, or has gone. */
  readonly gone: AbortController;
  answers?: Answers;
}

/** Said of a service that goes away (RFC 6455, 7.4.1). Clients then connect again, and ask again what they had asked. */
const goingAway = 1001;

/** Every answer repeats the id. */
const maxIdLength = 256;

/**
 * One WebSocket, from `connection_init` to its end: the server's side of graphql-transport-ws
 * (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).
 *
 * The messages and codes are those of graphql-ws; its server is not used. That one writes with `JSON.stringify`, which
 * loses big integers and fails on deep answers, lets an operation that was completed while it opened run on, and mixes
 * it up with a later one of the same id.
 */
export class Connection {
  readonly #webSocket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #outlet: Outlet;
  readonly #timers: readonly NodeJS.Timeout[];
  /** By id: those whose answers the client waits for. */
  readonly #awaited = new Map<string, Operation>();
  /** Those of which something is left, also if nobody waits for it any more. */
  readonly #running = new Set<Operation>();
  #phase: Phase = { name: 'new' };
  #isAlive = true;
  #forgetExpiry: () => void = () => undefined;

  constructor(webSocket: WebSocket, options: ConnectionOptions) {
    const { socket, limits } = options;
    this.#webSocket = webSocket;
    this.#options = options;
    this.#outlet = createOutlet(
      {
        socket,
        bufferedBytes: () => webSocket.bufferedAmount,
        pause: () => webSocket.pause(),
        resume: () => webSocket.resume(),
      },
      limits,
    );
    this.#timers = [
      setTimeout(() => this.#onInitTimeout(), limits.initTimeoutMs),
      setInterval(() => this.#checkAlive(), limits.pingIntervalMs),
    ];
    webSocket
      .on('message', (data, isBinary) => this.#receive(data, isBinary))
      .on('ping', (data) => void this.#outlet.put((done) => webSocket.pong(data, false, () => done())))
      .on('pong', () => (this.#isAlive = true))
      .on('close', () => this.#release())
      // What breaks the rules of WebSockets is answered by `ws`, with the right code; without a listener it would throw.
      .on('error', () => undefined);
  }

  /**
   * Takes no more operations, answers what was asked once, ends subscriptions, and says that it goes. Subscriptions
   * get no `complete`, which would mean that there are no more events: the client is to ask for them elsewhere.
   */
  end(): void {
    if (this.#phase.name === 'open') this.#phase = { name: 'leaving' };
    else return this.#close(goingAway, 'Going away');
    for (const { answers } of this.#running) answers?.end();
    this.#leaveWhenIdle();
  }

  #is(name: Phase['name']): boolean {
    return this.#phase.name === name;
  }

  #onInitTimeout(): void {
    if (this.#is('new')) {
      this.#close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
    }
  }

  /** Whoever has so much waiting that it is not read cannot answer; its own limit of time holds for it. */
  #checkAlive(): void {
    if (this.#outlet.isFull()) this.#isAlive = true;
    else if (!this.#isAlive) this.#webSocket.terminate();
    else {
      this.#isAlive = false;
      this.#webSocket.ping();
    }
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#isAlive = true;
    if (this.#is('closed')) return;
    const message = readMessage(data, isBinary);
    switch (message?.type) {
      case MessageType.ConnectionInit:
        return void this.#initialise(message);
      case MessageType.Ping:
        return this.#put(`{"type":"pong"${payloadOf(message.payload)}}`);
      case MessageType.Pong:
        return;
      case MessageType.Subscribe:
        return this.#subscribe(message);
      case MessageType.Complete:
        return this.#drop(message.id);
      case MessageType.ConnectionAck:
      case MessageType.Next:
      case MessageType.Error:
      case undefined:
        return this.#close(CloseCode.BadRequest, 'Invalid message received');
    }
  }

  async #initialise({ payload }: ConnectionInitMessage): Promise<void> {
    if (!this.#is('new')) {
      return this.#close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests');
    }
    this.#phase = { name: 'checking' };
    const { headers, connectionHeaders, server } = this.#options;
    try {
      const facts = toConnectionFacts(headers, payload ?? {}, connectionHeaders);
      const identity = await server.identify(this.#callerFacts(facts, new AbortController().signal));
      if (!this.#is('checking')) return;
      this.#phase = { name: 'open', facts };
      // The code that clients take as a hint to come back with a new token.
      this.#forgetExpiry = onExpiry(identity, () =>
        this.#close(CloseCode.Forbidden, 'The token has expired.'),
      );
      this.#put('{"type":"connection_ack"}');
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (error instanceof BadConnectionParams || error instanceof GatewayError) {
      return this.#close(CloseCode.Forbidden, asReason(error.message));
    }
    this.#options.log.error({ error }, 'a connection could not be identified');
    this.#close(CloseCode.InternalServerError, 'The gateway failed.');
  }

  #subscribe({ id, payload }: SubscribeMessage): void {
    if (this.#phase.name === 'leaving') return;
    if (this.#phase.name !== 'open') return this.#close(CloseCode.Unauthorized, 'Unauthorized');
    if (id.length > maxIdLength) return this.#close(CloseCode.BadRequest, 'The id is too long.');
    if (this.#awaited.has(id)) {
      return this.#close(CloseCode.SubscriberAlreadyExists, asReason(`Subscriber for ${id} already exists`));
    }
    const { maxOperationsPerSocket: max } = this.#options.limits;
    if (this.#running.size < max) void this.#run(id, payload, this.#phase.facts);
    else this.#putError(id, errorBody(`More than ${max} operations at a time are not run on a connection.`));
  }

  async #run(id: string, parameters: SubscribeMessage['payload'], facts: ConnectionFacts): Promise<void> {
    const operation: Operation = { id, gone: new AbortController() };
    this.#awaited.set(id, operation);
    this.#running.add(operation);
    try {
      const callerFacts = this.#callerFacts(facts, operation.gone.signal);
      const outcome = await this.#options.server.stream(toRequest(parameters, callerFacts));
      if (outcome.kind === 'streaming') await this.#sendAnswers(operation, outcome.answers);
      else this.#sendAnswer(operation, outcome);
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#running.delete(operation);
      this.#forget(operation);
      this.#leaveWhenIdle();
    }
  }

  #sendAnswer(operation: Operation, { kind, reply }: Exclude<Outcome, { kind: 'streaming' }>): void {
    if (operation.gone.signal.aborted) return;
    this.#forget(operation);
    if (kind === 'refused' || reply.status !== 200) return this.#putError(operation.id, reply.body);
    this.#put(nextMessage(operation.id, reply.body.trimEnd()));
    this.#put(completeMessage(operation.id));
  }

  /** Asks for the next event when there is room for it. */
  async #sendAnswers(operation: Operation, answers: Answers): Promise<void> {
    const { id, gone } = operation;
    operation.answers = answers;
    if (gone.signal.aborted || this.#is('leaving')) answers.end();
    for (let step = await answers.next(); step.done !== true; step = await answers.next()) {
      const text = nextMessage(id, step.value);
      if (!gone.signal.aborted) await this.#outlet.put((done) => this.#webSocket.send(text, () => done()));
    }
    if (gone.signal.aborted || this.#is('leaving')) return;
    this.#forget(operation);
    this.#put(completeMessage(id));
  }

  #drop(id: string): void {
    const operation = this.#awaited.get(id);
    if (operation === undefined) return;
    this.#forget(operation);
    operation.gone.abort();
    operation.answers?.end();
  }

  /** From now on its id may be that of another. */
  #forget(operation: Operation): void {
    if (this.#awaited.get(operation.id) === operation) this.#awaited.delete(operation.id);
  }

  #leaveWhenIdle(): void {
    if (this.#is('leaving') && this.#running.size === 0) this.#close(goingAway, 'Going away');
  }

  #putError(id: string, body: string): void {
    const { errors } = parseJson(body) as { readonly errors: unknown };
    this.#put(`{"id":${JSON.stringify(id)},"type":"error","payload":${stringifyJson(errors)}}`);
  }

  /** Of what is not a subscription there is only as much as the client asks for; it is not read while that is too much. */
  #put(text: string): void {
    void this.#outlet.put((done) => this.#webSocket.send(text, () => done()));
  }

  #close(code: number, reason: string): void {
    this.#release();
    this.#webSocket.close(code, reason);
  }

  #release(): void {
    this.#phase = { name: 'closed' };
    for (const timer of this.#timers) clearTimeout(timer);
    this.#forgetExpiry();
    for (const id of [...this.#awaited.keys()]) this.#drop(id);
  }

  /** Headers and proofs are the connection's; all else is the operation's own. */
  #callerFacts(facts: ConnectionFacts, signal: AbortSignal): CallerFacts {
    const { socket } = this.#options;
    const address = socket.remoteAddress ?? '';
    return { ...facts, address, certificate: clientCertificate(socket), signal };
  }
}

/** An operation as the same operation by POST; the content type is what a page of another site could not send. */
function toRequest(parameters: SubscribeMessage['payload'], facts: CallerFacts): GraphQLRequest {
  return {
    method: 'POST',
    headers: { 'content-type': ['application/json'] },
    accept: 'application/json',
    search: '',
    parameters,
    facts,
  };
}

/** A message of the protocol; nothing for whatever else may come. */
function readMessage(data: RawData, isBinary: boolean) {
  if (isBinary || !Buffer.isBuffer(data)) return undefined;
  try {
    return validateMessage(readJson(data.toString('utf8'), 'The message'));
  } catch {
    return undefined;
  }
}

function nextMessage(id: string, json: string): string {
  return `{"id":${JSON.stringify(id)},"type":"next","payload":${json}}`;
}

function completeMessage(id: string): string {
  return `{"id":${JSON.stringify(id)},"type":"complete"}`;
}

function payloadOf(payload: unknown): string {
  return payload == null ? '' : `,"payload":${stringifyJson(payload)}`;
}

/** The reason of a close frame has 123 bytes (RFC 6455, 5.5.1). */
function asReason(message: string): string {
  return Buffer.byteLength(message) > 123 ? 'Forbidden' : message;
}
