import { GatewayError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { longestKept, type DocumentStore } from './document-store.js';
import { hashOf, type TrustedDocuments } from './trusted-documents.js';

/** How a request says which document it means. */
export interface DocumentClaim {
  readonly text?: string | undefined;
  /** A name for it; with `sha256:` in front, or as it is. */
  readonly id?: string | undefined;
  /**
   * Whether the id came by the protocol of automatic persisted queries: it is the SHA-256 of the text, and a text sent
   * along is to be kept.
   */
  readonly isAutomatic?: boolean;
}

/** A document that may be parsed. */
export interface Admitted {
  /** Nothing, where the request names none. */
  readonly text: string | undefined;
  /** To be called when the document has been parsed, fits the schema, and keeps to all limits. */
  readonly onAccepted?: ((operationName: string | undefined) => void) | undefined;
}

/** Finds the document that a request means, and decides whether it may be run. */
export type Admit = (claim: DocumentClaim) => Promise<Admitted>;

/** What {@link createAdmission} needs; nothing of it: every text is taken, and no id is known. */
export interface AdmissionOptions {
  readonly trusted?: TrustedDocuments | undefined;
  /** What becomes of a document that is not trusted: nothing special, a line in the log, a refusal. */
  readonly mode?: 'off' | 'log' | 'enforce' | undefined;
  /** For automatic persisted queries. Nothing is read from it, or kept, where `mode` is `enforce`. */
  readonly store?: DocumentStore | undefined;
  readonly log?: Log | undefined;
}

/**
 * Makes the rules by which documents are taken. All that is asked is which document; not by whom: ids name documents,
 * and open nothing.
 *
 * The function it gives throws GatewayError `DOCUMENT_NOT_TRUSTED`, `PERSISTED_QUERY_NOT_FOUND`,
 * `PERSISTED_QUERY_NOT_SUPPORTED`, or `BAD_REQUEST` for an id that does not belong to the text.
 */
export function createAdmission({ trusted, mode = 'off', store, log }: AdmissionOptions): Admit {
  const isEnforced = trusted !== undefined && mode === 'enforce';
  const known = isEnforced ? undefined : store;
  const remark =
    trusted !== undefined && mode === 'log' && log !== undefined ? createRemarks(log) : undefined;

  const findText = async (id: string): Promise<string> => {
    const text = trusted?.find(id) ?? (await findKept(known, id));
    if (text !== undefined) return text;
    if (isEnforced) throw notTrusted();
    if (trusted === undefined && known === undefined) {
      throw new GatewayError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported');
    }
    throw new GatewayError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
  };
  const admitText = (text: string, id: string | undefined, isAutomatic: boolean): Admitted => {
    const isNamed = isAutomatic && id !== undefined;
    if (!isNamed && trusted === undefined) return { text };
    const sha256 = hashOf(text);
    if (id !== undefined) checkName(id, { text, sha256, isAutomatic, trusted });
    const isTrusted = trusted?.holds(sha256) ?? false;
    if (isEnforced && !isTrusted) throw notTrusted();
    if (isTrusted) return { text };
    const keeps = isNamed && text.length <= longestKept ? known : undefined;
    if (keeps === undefined && remark === undefined) return { text };
    const onAccepted = (operationName: string | undefined): void => {
      void keeps?.keep(sha256, text);
      remark?.(sha256, operationName);
    };
    return { text, onAccepted };
  };

  return async ({ text, id: given, isAutomatic = false }) => {
    const id = given?.replace(/^sha256:/, '');
    if (text !== undefined) return admitText(text, id, isAutomatic);
    if (id === undefined) return { text };
    const found = await findText(id);
    // One kept before may have come as a text that is not trusted; it is still none.
    return admitText(found, undefined, false);
  };
}

function notTrusted(): GatewayError {
  return new GatewayError(
    'DOCUMENT_NOT_TRUSTED',
    'The document is not one of the trusted documents, and no other is run here.',
  );
}

const sha256Hex = /^[\da-f]{64}$/;

/** A store that others can write to, too, could give another text than was asked for. */
async function findKept(store: DocumentStore | undefined, id: string): Promise<string | undefined> {
  if (store === undefined || !sha256Hex.test(id)) return undefined;
  const text = await store.find(id);
  return text !== undefined && hashOf(text) === id ? text : undefined;
}

interface Named {
  readonly text: string;
  readonly sha256: string;
  readonly isAutomatic: boolean;
  readonly trusted: TrustedDocuments | undefined;
}

/** An id beside a text must be its own. One that nobody here knows says nothing, unless it is meant to be kept. */
function checkName(id: string, { text, sha256, isAutomatic, trusted }: Named): void {
  const meant = trusted?.find(id);
  if (id === sha256 || meant === text || (meant === undefined && !isAutomatic)) return;
  throw new GatewayError('BAD_REQUEST', 'The hash, or id, that was sent belongs to another document.');
}

/** Operations that the log names; after that many it says so, once. */
const maxRemarks = 1_000;

/** Logs each operation that is not trusted once. */
function createRemarks(log: Log): (sha256: string, operationName: string | undefined) => void {
  const seen = new Set<string>();
  return (document, operation) => {
    if (seen.size >= maxRemarks || seen.has(document)) return;
    seen.add(document);
    const facts = { code: 'DOCUMENT_NOT_TRUSTED', document, operation: operation?.slice(0, 256) ?? '' };
    log.warn(facts, 'an operation was answered that is not among the trusted documents');
    if (seen.size === maxRemarks)
      log.warn(facts, `${maxRemarks} such operations were named; no more will be`);
  };
}
