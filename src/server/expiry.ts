import type { Identity } from '../base/context.js';

/** The wall clock may be set while a timer runs, so it is looked at this often, and at the moment itself. */
const lookAgainMs = 60_000;

/**
 * Acts when the proof of an identity is no longer good, or at once if that has passed. One without an end is good for
 * as long as the connection.
 *
 * @returns stops waiting
 */
export function onExpiry(identity: Identity | undefined, act: () => void): () => void {
  const expiresAt = identity?.expiresAt;
  if (expiresAt === undefined) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const leftMs = expiresAt - Date.now();
    if (leftMs > 0) timer = setTimeout(look, Math.min(leftMs, lookAgainMs));
    else act();
  };
  look();
  return () => clearTimeout(timer);
}
