// Events for an app: a quota refused, a limit was nearly used up, the counter store went away. Listeners run after the turn in
// which something happened, outside of any request: one that throws hurts none.
import { AsyncResource } from 'node:async_hooks';
import { configurationFault } from '../core/errors.js';
import {
  type Decision,
  type DecisionLabel,
  type LimitState,
  refusingLimits,
  shadowRefusals,
} from '../core/quota/decision.js';
import type { Observer } from '../ports/observer.js';

/** A limit in an event. */
export interface EventLimit {
  readonly name: string;
  /** Units in one window. */
  readonly limit: number;
  /** Units counted in the window when the request came. */
  readonly used: number;
}

/** A request did not fit. */
export interface DeniedEvent {
  readonly tenantId: string;
  /** The limits that refused it: their `violated` is what the 429 names. */
  readonly limits: readonly EventLimit[];
  /** Units asked for. */
  readonly cost: number;
  readonly label: DecisionLabel;
  /** False: only shadow limits had no room, and the request passed. */
  readonly enforced: boolean;
}

/** A limit reached 80 or 100 percent: told once a window and level, by the process that noticed, for all processes together. */
export interface ThresholdEvent {
  readonly tenantId: string;
  /** The limit's name. */
  readonly name: string;
  /** In percent. */
  readonly level: 80 | 100;
  readonly used: number;
  readonly limit: number;
  /** The window, in milliseconds since 1970: its first instant, and the first one after it. */
  readonly startMs: number;
  readonly resetAtMs: number;
}

/** The counter store went away; `onStoreError` decides from now on. */
export interface StoreDownEvent {
  readonly reason: string;
}

/** The counter store answers again. */
export interface StoreUpEvent {
  /** How long it was away, in milliseconds. */
  readonly downMs: number;
}

/** What can be listened to, by name. */
export interface TallygateEvents {
  denied: DeniedEvent;
  threshold: ThresholdEvent;
  storeDown: StoreDownEvent;
  storeUp: StoreUpEvent;
}

/** Listens to one kind of event. What it throws, or rejects with, goes to the log. */
export type Listener<Name extends keyof TallygateEvents> = (event: TallygateEvents[Name]) => unknown;

/** See the head of this file. */
export interface Events {
  readonly observer: Partial<Observer>;
  /** Begins to listen; the returned function ends it. @throws TallygateError `invalid_configuration` */
  on<Name extends keyof TallygateEvents>(name: Name, listener: Listener<Name>): () => void;
}

/** Most listeners of one event: more is a subscription a request, which nobody ends. */
const MOST_LISTENERS = 100;
/** Most events that wait for the end of a turn; further ones of that turn are dropped, and that is told. */
const MOST_WAITING = 1_000;

/** Told of a listener's failure, and of events that were dropped: by name, with how many or why. */
export interface EventFaults {
  readonly onListenerFailure: (name: string, error: unknown) => void;
  readonly onDropped: (events: number) => void;
}

type Heard = { readonly [Name in keyof TallygateEvents]: Set<Listener<Name>> };

/** Makes the subscriptions of one instance. Without a listener an event costs one comparison. */
export function createEvents({ onListenerFailure, onDropped }: EventFaults): Events {
  const listeners: Heard = { denied: new Set(), threshold: new Set(), storeDown: new Set(), storeUp: new Set() };
  let waiting: (() => void)[] = [];
  let dropped = 0;

  function tell<Name extends keyof TallygateEvents>(name: Name, event: TallygateEvents[Name]): void {
    if (waiting.length >= MOST_WAITING) {
      dropped += 1;
      return;
    }
    if (waiting.length === 0) setImmediate(deliver);
    const heard = listeners[name];
    waiting.push(() => {
      for (const listener of heard) call(name, listener, event);
    });
  }

  function deliver(): void {
    const [due, lost] = [waiting, dropped];
    waiting = [];
    dropped = 0;
    for (const one of due) one();
    if (lost > 0) onDropped(lost);
  }

  function call<Name extends keyof TallygateEvents>(
    name: Name,
    listener: Listener<Name>,
    event: TallygateEvents[Name],
  ): void {
    try {
      const running = listener(event);
      if (running instanceof Promise) running.catch((error: unknown) => onListenerFailure(name, error));
    } catch (error) {
      // Whatever it is: it is the app's, and no request's fault.
      onListenerFailure(name, error);
    }
  }

  return {
    observer: {
      decisionMade: (decision) => {
        if (listeners.denied.size > 0) {
          const event = deniedEvent(decision);
          if (event !== undefined) tell('denied', event);
        }
        if (decision.crossed.length > 0 && listeners.threshold.size > 0)
          for (const event of thresholdEvents(decision)) tell('threshold', event);
      },
      storeDown: (reason) => {
        if (listeners.storeDown.size > 0) tell('storeDown', { reason });
      },
      storeUp: (downMs) => {
        if (listeners.storeUp.size > 0) tell('storeUp', { downMs });
      },
    },
    on(name, listener) {
      const heard = Object.hasOwn(listeners, name) ? listeners[name] : undefined;
      check(name, listener, heard, Object.keys(listeners));
      // In the async context of the subscription: the one of whichever request came first would follow the listener about.
      const bound = AsyncResource.bind(listener);
      heard?.add(bound);
      return () => void heard?.delete(bound);
    },
  };
}

/** From JavaScript anything may come. */
function check(
  name: string,
  listener: unknown,
  heard: ReadonlySet<unknown> | undefined,
  known: readonly string[],
): void {
  const fault = (location: string, message: string) => configurationFault([{ location, message }]);
  if (heard === undefined) throw fault('on', `expected one of the events ${known.join(', ')}, got "${name}"`);
  if (typeof listener !== 'function') throw fault(`on.${name}`, `expected a function, got ${typeof listener}`);
  if (heard.size >= MOST_LISTENERS)
    throw fault(
      `on.${name}`,
      `expected at most ${MOST_LISTENERS} listeners: end a subscription with the function that on() returned`,
    );
}

const eventLimit = ({ name, limit = 0, used }: LimitState): EventLimit => ({ name, limit, used });

function deniedEvent(decision: Decision): DeniedEvent | undefined {
  const states = decision.outcome === 'denied' ? refusingLimits(decision) : shadowRefusals(decision);
  if (states.length === 0) return undefined;
  const { tenantId, cost, label, allowed } = decision;
  return { tenantId, limits: states.map(eventLimit), cost, label, enforced: !allowed };
}

function thresholdEvents({ tenantId, crossed, limits }: Decision): ThresholdEvent[] {
  return crossed.flatMap(({ name, level }) => {
    const state = limits.find((one) => one.name === name);
    if (state === undefined) return [];
    const { limit = 0, used, startMs, resetAtMs } = state;
    return [{ tenantId, name, level, used, limit, startMs, resetAtMs }];
  });
}
