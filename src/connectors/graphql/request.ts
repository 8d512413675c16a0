import type { GraphQLSchema } from 'graphql';
import { GatewayError } from '../../base/errors.js';
import { SchemaFilesError } from '../../base/problems.js';
import { compileSelection, type Variables } from '../../mapping/compile.js';
import { stringifyJson } from '../../mapping/json.js';
import { own } from '../../mapping/values.js';
import type { GraphqlCall } from '../../subgraph/subgraph.js';
import { compileHeaders, type HeaderEntry } from '../headers.js';
import type {
  CallLimits,
  ConnectOf,
  Outgoing,
  Reply,
  Setting,
  SourceOf,
  Transport,
  WantedAnswer,
} from '../transport.js';
import { createOperation, type Operation } from './operation.js';
import type { RemoteSchema } from './remote-schema.js';
import { fromResponse, type RemoteReply } from './response.js';
import type { Service } from './service.js';
import type { Together, Written } from './together.js';

/** What the calls of one connector are made with. */
export interface TransportSetting {
  readonly definition: ConnectOf<'graphql'>;
  readonly source: SourceOf<'graphql'>;
  readonly setting: Setting;
  readonly service: Service;
  /** Where queries wait for one another. */
  readonly together: Together;
  readonly schema: RemoteSchema;
}

/**
 * Prepares the calls of one connector.
 *
 * @throws SchemaFilesError where the backend's schema is known and the connector does not fit it
 */
export function createTransport(parts: TransportSetting): Transport {
  const callOf = compileCall(parts);
  const operations = new Operations(parts);
  return {
    prepare: (variables, wanted) => {
      const call = callOf(variables, wanted);
      const operation = operations.known;
      if (operation !== undefined) return outgoing(parts, operation, call);
      return { send: (limits) => sendWhenKnown(parts, operations, call, limits) };
    },
  };
}

/** What one call carries. */
export interface Call {
  readonly headers: readonly HeaderEntry[];
  /** What the mapping of the arguments gave. */
  readonly args: unknown;
  readonly wanted: WantedAnswer;
}

/** Compiles the mappings of a connector's calls, once. */
export function compileCall({
  definition,
  source,
}: TransportSetting): (variables: Variables, wanted: WantedAnswer) => Call {
  const headersOf = compileHeaders(source.graphql.headers, definition.graphql.headers);
  const argumentsOf = compileArguments(definition.graphql);
  return (variables, wanted) => ({ headers: headersOf(variables), args: argumentsOf(variables), wanted });
}

function compileArguments({ args, forwards, entity }: GraphqlCall): (variables: Variables) => unknown {
  if (entity !== undefined) return ({ $batch }) => $batch;
  if (forwards === true) return ({ $args }) => $args;
  const mapping = args && compileSelection(args.selection);
  return (variables) => mapping?.evaluate({}, variables);
}

/** @throws GatewayError `BAD_USER_INPUT` where the backend would have to refuse the arguments */
export function write(operation: Operation, { args, wanted }: Call): Written {
  const document = operation.documentFor(wanted);
  const variables = { ...operation.variablesFrom(args), ...document.variables };
  const { name: field, type } = operation.field;
  return {
    document,
    variables,
    get body() {
      return `{"query":${document.json},"variables":${stringifyJson(variables)}}`;
    },
    expected: { field, type, renames: document.renames, keepsCodes: operation.forwards },
  };
}

function outgoing(parts: TransportSetting, operation: Operation, call: Call): Outgoing {
  const written = write(operation, call);
  const { service, together, definition } = parts;
  const {
    graphql: { operation: kind },
    batch,
  } = definition;
  // Who says how many keys a call may carry would not have two of them in one request.
  const leavesAlone = kind !== 'query' || batch?.maxSize !== undefined;
  return {
    send: async (limits) => {
      const reply =
        limits.operation === undefined || leavesAlone
          ? fromResponse(await service.post(written.body, call.headers, limits), written.expected)
          : await together.send(written, call.headers, limits, limits.operation);
      return noted(reply, parts);
    },
  };
}

/** The first calls of a service that was down when we started: what time the schema takes is theirs. */
async function sendWhenKnown(
  parts: TransportSetting,
  operations: Operations,
  call: Call,
  limits: CallLimits,
): Promise<Reply> {
  const start = performance.now();
  const operation = operations.of(await parts.schema.load(limits));
  const timeoutMs = Math.max(1, limits.timeoutMs - (performance.now() - start));
  return outgoing(parts, operation, call).send({ ...limits, timeoutMs });
}

/** The connector's operation, made as soon as the schema is known. */
export class Operations {
  readonly #parts: TransportSetting;
  #operation: Operation | undefined;
  #misfit: SchemaFilesError | undefined;

  constructor(parts: TransportSetting) {
    this.#parts = parts;
    const { known, copy } = parts.schema;
    if (known !== undefined) this.#operation = this.#create(known);
    else if (copy !== undefined) this.#operation = this.#createFromCopy(copy);
  }

  get known(): Operation | undefined {
    return this.#operation;
  }

  /** @throws GatewayError where the connector does not fit; the log says why, once */
  of(schema: GraphQLSchema): Operation {
    if (this.#operation !== undefined) return this.#operation;
    try {
      if (this.#misfit !== undefined) throw this.#misfit;
      return (this.#operation = this.#create(schema));
    } catch (error) {
      if (error instanceof SchemaFilesError && this.#misfit === undefined) this.#report(error);
      throw new GatewayError('INTERNAL_SERVER_ERROR', "The field does not fit its backend's schema.", {
        cause: error,
      });
    }
  }

  #create(schema: GraphQLSchema): Operation {
    const { definition, source, setting } = this.#parts;
    return createOperation({ definition, source, subgraph: setting.subgraph }, schema);
  }

  /** A copy may be older than the connector: one that does not fit it waits for the schema itself. */
  #createFromCopy(copy: GraphQLSchema): Operation | undefined {
    try {
      return this.#create(copy);
    } catch (error) {
      if (!(error instanceof SchemaFilesError)) throw error;
      const { definition, source, setting } = this.#parts;
      setting.log.warn(
        { source: source.name, connector: definition.coordinate, code: error.code },
        `The connector does not fit the saved copy of its backend's schema. ${error.message}`,
      );
      return undefined;
    }
  }

  #report(misfit: SchemaFilesError): void {
    const { definition, source, setting } = this.#parts;
    this.#misfit = misfit;
    setting.log.error(
      { source: source.name, connector: definition.coordinate, code: misfit.code },
      misfit.message,
    );
  }
}

/** The log has the words of errors beside data, which clients see only where the source says so. */
export function noted(
  { partialErrors, ...reply }: RemoteReply,
  { definition, source, setting }: TransportSetting,
): Reply {
  const [first] = partialErrors;
  if (first === undefined) return reply;
  const message = own(first, 'message');
  const facts = { source: source.name, connector: definition.coordinate, code: 'CONNECTOR_FETCH' };
  const error = new Error(typeof message === 'string' ? message : 'without a message');
  setting.log.warn(
    { ...facts, error },
    `The backend answered, with errors beside its data: ${partialErrors.length}.`,
  );
  return reply;
}
