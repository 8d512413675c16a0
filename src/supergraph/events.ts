import { mapStream } from '../base/streams.js';
import type { Provision } from './provision.js';

/** One event of a subscription, mapped: what its field resolves to when the event is answered. */
export class SubscriptionEvent {
  readonly value: unknown;
  /** What comes with it. */
  readonly provision: Provision;

  constructor(value: unknown, provision: Provision) {
    this.value = value;
    this.provision = provision;
  }
}

/** The values of a connector's stream, as the roots that events are executed with; an error stays what it is. */
export function toEvents(
  values: AsyncIterator<unknown>,
  provision: Provision,
): AsyncIterableIterator<SubscriptionEvent | Error> {
  return mapStream(values, {
    next: (value) => (value instanceof Error ? value : new SubscriptionEvent(value, provision)),
  });
}
