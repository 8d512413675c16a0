/** What clients that hold a connection open may use of the gateway. */
export interface SubscriptionLimits {
  /** Clients at a time, WebSockets and event streams together. Fewer than connections, so that others get through. */
  readonly maxSubscribers: number;
  /** Operations at a time on one WebSocket. */
  readonly maxOperationsPerSocket: number;
  /** How long a WebSocket may take to send `connection_init`. */
  readonly initTimeoutMs: number;
  /** How often a sign of life is sent, and on a WebSocket asked for: a dead peer is found within two of these. */
  readonly pingIntervalMs: number;
  /** With more bytes than this waiting for a client, no further event is asked of the backend. */
  readonly maxBufferedBytes: number;
  /** A client for whom more than that waits is cut when it takes nothing for this long; at the latest after twice. */
  readonly stallTimeoutMs: number;
}

/** The limits unless said otherwise. */
export const defaultSubscriptionLimits: SubscriptionLimits = {
  maxSubscribers: 5_000,
  maxOperationsPerSocket: 100,
  initTimeoutMs: 5_000,
  pingIntervalMs: 15_000,
  maxBufferedBytes: 1024 * 1024,
  stallTimeoutMs: 15_000,
};

/** A client that holds a connection open. */
export interface Subscriber {
  /** Lets it end in order: what was asked once is answered, subscriptions are ended. */
  readonly end: () => void;
  /** Ends its connection at once. */
  readonly cut: () => void;
}

/** All clients that hold a connection open: counted when they come, ended together when the gateway closes. */
export interface Subscribers {
  /**
   * Takes a place for a client.
   *
   * @returns gives the place back; `undefined` where all are taken, or the gateway closes
   */
  readonly join: (subscriber: Subscriber) => (() => void) | undefined;
  readonly endAll: () => void;
  readonly cutAll: () => void;
}

/** Makes the places that clients can take. */
export function createSubscribers(maxSubscribers: number): Subscribers {
  const present = new Set<Subscriber>();
  let isClosing = false;
  return {
    join: (subscriber) => {
      if (isClosing || present.size >= maxSubscribers) return undefined;
      present.add(subscriber);
      return () => present.delete(subscriber);
    },
    endAll: () => {
      isClosing = true;
      for (const subscriber of present) subscriber.end();
    },
    cutAll: () => {
      for (const subscriber of present) subscriber.cut();
    },
  };
}
