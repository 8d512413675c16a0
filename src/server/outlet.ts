import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SubscriptionLimits } from './subscribers.js';

/** A backend that always has another event, and a client that always has room, would leave nothing to the others. */
const putsInARow = 32;

/** The way out to one client. */
export interface Outlet {
  /**
   * Writes, and settles when there is room for more: at once, or when all that was waiting has been taken. Never
   * rejects: what a client that has gone does not take is nobody's loss.
   */
  readonly put: (write: (done: () => void) => void) => Promise<void>;
  /** Whether the client has more waiting for it than it may. */
  readonly isFull: () => boolean;
}

/** What an {@link Outlet} must know of a connection, and can do with it. */
export interface Channel {
  readonly socket: Socket;
  /** The bytes that wait for the client. */
  readonly bufferedBytes: () => number;
  readonly pause: () => void;
  readonly resume: () => void;
}

/**
 * Bounds what waits for a client, and for how long.
 *
 * A client that does not read is not read either: neither its pings nor what it asks for can make the buffer grow, and
 * nothing it sends counts as a sign that it reads. That leaves the socket's own timer, which starts anew with every
 * byte that is taken, to tell a slow reader from one that has stopped.
 */
export function createOutlet(channel: Channel, limits: SubscriptionLimits): Outlet {
  const { socket } = channel;
  let waiting = 0;
  let isPaused = false;
  let puts = 0;
  socket.on('timeout', () => {
    if (waiting > 0) socket.destroy();
  });
  const hold = (): void => {
    if (waiting++ > 0) return;
    socket.setTimeout(limits.stallTimeoutMs);
    if (!isPaused) channel.pause();
    isPaused = true;
  };
  const release = (): void => {
    if (--waiting === 0) setImmediate(readOn);
  };
  // Not at once: Node resumes a moment later, even if the stream has been paused again by then.
  const readOn = (): void => {
    if (waiting > 0 || !isPaused || socket.destroyed) return;
    isPaused = false;
    socket.setTimeout(0);
    channel.resume();
  };
  return {
    put: async (write) => {
      if (socket.destroyed) return nextTurn();
      const written = new Promise<void>((resolve) => write(resolve));
      if (channel.bufferedBytes() <= limits.maxBufferedBytes) {
        return ++puts % putsInARow === 0 ? nextTurn() : undefined;
      }
      hold();
      await written;
      release();
    },
    isFull: () => waiting > 0,
  };
}
