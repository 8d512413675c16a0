import { LRUCache } from 'lru-cache';

/**
 * Where texts of documents are kept by their SHA-256, so that clients need not send them again. It may forget any of
 * them at any time, and need not be trusted: what it gives is compared with the hash.
 */
export interface DocumentStore {
  /** The text, unless it is unknown or the store cannot be asked now; never rejects. */
  readonly find: (sha256: string) => Promise<string | undefined>;
  /** Keeps a text for a while. Whether that works out is nobody's concern; never rejects. */
  readonly keep: (sha256: string, text: string) => Promise<void>;
}

/** A longer document is answered, but not kept. */
export const longestKept = 256 * 1024;

/** How much a store in memory may hold. */
export interface MemoryStoreLimits {
  readonly maxEntries: number;
  /** Of memory, reckoned with two for each character. */
  readonly maxBytes: number;
}

/** Keeps documents in this process; what was asked for least recently goes first. */
export function createMemoryStore({ maxEntries, maxBytes }: MemoryStoreLimits): DocumentStore {
  const texts = new LRUCache<string, string>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: (text, sha256) => 2 * (text.length + sha256.length),
  });
  return {
    find: async (sha256) => texts.get(sha256),
    keep: async (sha256, text) => void texts.set(sha256, text),
  };
}
