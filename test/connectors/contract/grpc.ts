import {
  Server,
  ServerCredentials,
  status,
  type ServerUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Failure, Garbage, runBackend, type Backend, type FailureKind, type Ledger } from './backend.js';

const statuses: Readonly<Record<FailureKind, status>> = {
  unavailable: status.UNAVAILABLE,
  forbidden: status.PERMISSION_DENIED,
};

type Unary = ServerUnaryCall<Record<string, unknown>, unknown>;

/**
 * A gRPC backend of one service: `FindItem` is `findItem`. An answer that is a list becomes the `rows` of a message.
 *
 * @param service its full name
 */
export function startGrpc(proto: string, service: string): Promise<Backend> {
  const methods = loadSync(proto, { longs: String, enums: String })[service] as ServiceDefinition;
  return runBackend(
    (port) => `127.0.0.1:${port}`,
    (ledger) => listening(methods, ledger),
  );
}

function listening(methods: ServiceDefinition, ledger: Ledger) {
  let server: Server;
  return {
    listen: (port: number) => {
      // A server that was shut down cannot start again.
      server = new Server();
      server.addService(withBytes(methods), handlersOf(methods, ledger));
      return new Promise<number>((resolve, reject) => {
        server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
          error ? reject(error) : resolve(bound),
        );
      });
    },
    stop: async () => server.forceShutdown(),
  };
}

/** Answers that are bytes already go out as they are. */
function withBytes(methods: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => {
      const responseSerialize = (value: unknown) =>
        Buffer.isBuffer(value) ? value : method.responseSerialize(value);
      return [name, { ...method, responseSerialize }];
    }),
  );
}

function handlersOf(methods: ServiceDefinition, ledger: Ledger) {
  return Object.fromEntries(
    Object.values(methods).map(({ originalName = '' }) => [
      originalName,
      (call: Unary, respond: (error: object | null, message?: unknown) => void) => {
        const left = new AbortController();
        let answered = false;
        call.on('cancelled', () => {
          if (!answered) left.abort();
        });
        const answer = (error: object | null, message?: unknown) => {
          answered = true;
          respond(error, message);
        };
        ledger
          .answer({
            operation: originalName,
            input: { ...call.request },
            headers: Object.fromEntries(
              Object.entries(call.metadata.toJSON()).map(([name, values]) => [name, values.join(', ')]),
            ),
            left: left.signal,
          })
          .then((value) => answer(null, toMessage(value)))
          .catch((error: unknown) => {
            if (error instanceof Garbage) answer(null, error.bytes);
            else if (error instanceof Failure) answer({ code: statuses[error.kind], details: error.message });
            else answer({ code: status.INTERNAL, details: String(error) });
          });
      },
    ]),
  );
}

/** Lists go into `rows`, which hold no nulls; big integers are written as text. */
function toMessage(value: unknown): unknown {
  if (Array.isArray(value)) return { rows: value.filter((row) => row !== null).map(toMessage) };
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value ?? {};
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== null)
      .map(([name, each]) => [name, Array.isArray(each) ? each : toMessage(each)]),
  );
}
