import type { ConnectOf, OpenSource, Protocol, Setting, SourceOf } from '../transport.js';
import { subscriptionAddress } from './address.js';
import { introspect } from './introspection.js';
import { askedSchema, knownSchema, type RemoteSchema } from './remote-schema.js';
import { createTransport } from './request.js';
import { savedSchemaOf } from './saved-schema.js';
import { readRemoteSchema } from './schema-file.js';
import { openService, type Service } from './service.js';
import { Streams } from './streams.js';
import { createStreamTransport } from './subscribe.js';
import { Together } from './together.js';

/** GraphQL over HTTP, and its subscriptions over server-sent events or WebSockets. */
export const graphql: Protocol<'graphql'> = {
  open: async (source, setting) => {
    const service = openService(source, setting);
    try {
      const address = subscriptionAddress(source, setting);
      const schema = await remoteSchemaOf(source, setting, service);
      return openSource({ source, setting, service, schema, address });
    } catch (error) {
      await service.close();
      throw error;
    }
  },
};

/** What a source is made of. */
interface Parts {
  readonly source: SourceOf<'graphql'>;
  readonly setting: Setting;
  readonly service: Service;
  readonly schema: RemoteSchema;
  /** Where subscriptions are opened. */
  readonly address: URL;
}

function openSource({ source, setting, service, schema, address }: Parts): OpenSource<'graphql'> {
  // What is handed on as it is fits the schema file, which is the service's own; its schema need not be asked for.
  const handedOn = source.graphql.schema === undefined ? knownSchema(setting.subgraph.schema) : schema;
  const together = new Together(service);
  const schemaFor = ({ graphql: call }: ConnectOf<'graphql'>) => (call.forwards === true ? handedOn : schema);
  const streams = new Streams();
  const partsOf = (definition: ConnectOf<'graphql'>) => {
    return { definition, source, setting, service, together, schema: schemaFor(definition) };
  };
  return {
    connect: (definition) => createTransport(partsOf(definition)),
    subscribe: (definition) => createStreamTransport({ ...partsOf(definition), address, streams }),
    close: async () => {
      schema.close();
      await Promise.all([streams.close(), service.close()]);
    },
  };
}

/** From the file beside the schema file, else from the service itself. */
async function remoteSchemaOf(
  source: SourceOf<'graphql'>,
  setting: Setting,
  service: Service,
): Promise<RemoteSchema> {
  const { schema } = source.graphql;
  if (schema !== undefined) return knownSchema(await readRemoteSchema(schema, setting.subgraph));
  if (!isMapped(source, setting)) return knownSchema(setting.subgraph.schema);
  return askedSchema({
    source: source.name,
    ask: () => introspect(service, source, setting),
    saved: savedSchemaOf(source, setting),
    log: setting.log,
  });
}

/** Whether a connector names fields of the service that the schema file need not have. */
function isMapped(source: SourceOf<'graphql'>, { subgraph }: Setting): boolean {
  return subgraph.connects.some((connect) => connect.source?.value === source.name);
}
