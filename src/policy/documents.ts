import type { GraphQLSchema } from 'graphql';
import type { Config } from '../base/config.js';
import type { Log } from '../base/log.js';
import { createAdmission, type Admit } from './admission.js';
import { createMemoryStore } from './document-store.js';
import { readTrustedDocuments, type TrustedDocuments } from './trusted-documents.js';

/** The documents of a gateway: which are taken, and how they are known again. */
export interface Documents {
  readonly admit: Admit;
  /** Warns of trusted documents that do not fit a schema; the others are answered all the same. */
  readonly check: (schema: GraphQLSchema) => void;
}

/** What {@link openDocuments} reads of the configuration. */
export type DocumentsConfig = Pick<Config, 'trustedDocuments' | 'persistedQueries'>;

/**
 * Reads the trusted documents, and opens the store for those that clients bring.
 *
 * @throws TrustedDocumentsError
 */
export async function openDocuments(
  { trustedDocuments, persistedQueries }: DocumentsConfig,
  log: Log,
): Promise<Documents> {
  const trusted = trustedDocuments && (await readTrustedDocuments(trustedDocuments.path));
  const store = persistedQueries.store === 'off' ? undefined : createMemoryStore(persistedQueries);
  return {
    admit: createAdmission({ trusted, mode: trustedDocuments?.mode, store, log }),
    check: (schema) => warnOfMisfits(trusted, schema, log),
  };
}

/** Documents that the log names at one start. */
const maxWarnings = 20;

function warnOfMisfits(trusted: TrustedDocuments | undefined, schema: GraphQLSchema, log: Log): void {
  const misfits = trusted?.misfits(schema) ?? [];
  for (const { document, reason } of misfits.slice(0, maxWarnings)) {
    const facts = { code: 'GRAPHQL_VALIDATION_FAILED', file: document.source.name, operation: document.name };
    log.warn(facts, `a trusted document does not fit the schema, and is refused: ${reason}`);
  }
  const more = misfits.length - maxWarnings;
  if (more > 0) log.warn({ code: 'GRAPHQL_VALIDATION_FAILED' }, `so are ${more} more trusted documents`);
}
