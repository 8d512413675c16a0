import type { ConnectOf, OpenSource, Protocol, Setting, SourceOf } from '../transport.js';
import { introspect } from './introspection.js';
import { askedSchema, knownSchema, type RemoteSchema } from './remote-schema.js';
import { createTransport } from './request.js';
import { readRemoteSchema } from './schema-file.js';
import { openService, type Service } from './service.js';

/** GraphQL over HTTP. */
export const graphql: Protocol<'graphql'> = {
  open: async (source, setting) => {
    const service = openService(source, setting);
    try {
      return openSource(source, setting, service, await remoteSchemaOf(source, setting, service));
    } catch (error) {
      await service.close();
      throw error;
    }
  },
};

function openSource(
  source: SourceOf<'graphql'>,
  setting: Setting,
  service: Service,
  schema: RemoteSchema,
): OpenSource<'graphql'> {
  // What is handed on as it is fits the schema file, which is the service's own; its schema need not be asked for.
  const handedOn = source.graphql.schema === undefined ? knownSchema(setting.subgraph.schema) : schema;
  const schemaFor = ({ graphql: call }: ConnectOf<'graphql'>) => (call.forwards === true ? handedOn : schema);
  return {
    connect: (definition) =>
      createTransport({ definition, source, setting, service, schema: schemaFor(definition) }),
    close: () => service.close(),
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
    log: setting.log,
  });
}

/** Whether a connector names fields of the service that the schema file need not have. */
function isMapped(source: SourceOf<'graphql'>, { subgraph }: Setting): boolean {
  return subgraph.connects.some((connect) => connect.source?.value === source.name);
}
