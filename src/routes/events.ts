// POST /v1/events: usage that others tell of as CloudEvents 1.0, one or a batch, with the outcome of each.
import type { EventOutcome, UsageEvent } from '../core/usage/usageEvent.js';
import { binaryEvent, isBinaryMode, type ReadEvent, structuredEvent } from '../http/cloudEvent.js';
import { type Fault, invalidRequest, TallygateError } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { Endpoint, MatchedRequest } from '../http/handler.js';
import { readBody, readJsonBody } from '../http/jsonBody.js';
import { shown } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';
import { type ReadUsage, usageEventOf } from '../http/usageEvent.js';

/** What the route needs. */
export interface EventsParts {
  /** Outcomes in the order of the events. */
  readonly bookEvents: (events: readonly UsageEvent[]) => Promise<readonly EventOutcome[]>;
}

/** Most events of a batch. */
export const MOST_EVENTS = 1_000;
/** Most bytes of a body: 4 kB an event of a full batch. */
export const MOST_EVENT_BYTES = 4_194_304;

/** Makes the handler. A batch is always a 200 that says what became of each event; one event alone that is at fault is a 400. */
export function events(parts: EventsParts): Endpoint {
  return forwarding(async (req, res) => {
    const { read, locationOf } = await readEvents(req);
    const results = await outcomesOf(parts, read);
    if (locationOf === undefined) return sendJson(res, 200, { results });
    const [only] = results;
    if (only?.status === 'rejected')
      throw invalidRequest(only.errors.map((fault) => ({ ...fault, location: locationOf(fault) })));
    sendJson(res, 200, { results });
  });
}

/** Events as they came; `locationOf` where it is one event alone: where a client finds what is at fault. */
interface Received {
  readonly read: readonly ReadEvent[];
  readonly locationOf?: (fault: Fault) => string;
}

const MODES = 'expected application/cloudevents+json, application/cloudevents-batch+json, or the headers ce-*';

async function readEvents(req: MatchedRequest): Promise<Received> {
  const contentType = req.headers['content-type'] ?? '';
  const format = /^application\/cloudevents([^;\s]*)/i.exec(contentType)?.[1]?.toLowerCase();
  if (format === '-batch+json') return { read: batchOf(await readJsonBody(req, MOST_EVENT_BYTES)) };
  if (format === '+json') {
    const read = [structuredEvent(await readJsonBody(req, MOST_EVENT_BYTES))];
    return { read, locationOf: ({ location }) => ['body', location].filter((part) => part !== '').join('.') };
  }
  if (format === undefined && isBinaryMode(req.headersDistinct)) {
    const read = [binaryEvent(req.headersDistinct, await readBody(req, MOST_EVENT_BYTES))];
    return {
      read,
      locationOf: ({ location }) =>
        /^data\b/.test(location) ? location.replace(/^data\b/, 'body') : `header.ce-${location}`,
    };
  }
  throw invalidRequest([{ location: 'header.content-type', message: `${MODES}, got ${shown(contentType)}` }]);
}

function batchOf(body: unknown): ReadEvent[] {
  if (!Array.isArray(body)) {
    throw invalidRequest([{ location: 'body', message: `expected a JSON array of events, got ${shown(body)}` }]);
  }
  if (body.length <= MOST_EVENTS) return body.map(structuredEvent);
  throw new TallygateError('payload_too_large', `expected at most ${MOST_EVENTS} events, got ${body.length}`);
}

/** What is answered of one event. */
type EventResult = { readonly index: number; readonly id: string | null } & EventOutcome;

/** Those that are at fault are told so, and keep none of the others from being booked. */
async function outcomesOf({ bookEvents }: EventsParts, received: readonly ReadEvent[]): Promise<EventResult[]> {
  const checked = received.map((one): ReadUsage => (one.event === undefined ? one : usageEventOf(one.event)));
  const good = checked.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
  const booked = good.length === 0 ? [] : await bookEvents(good);
  let next = 0;
  return checked.map(({ faults }, index) => {
    const outcome: EventOutcome =
      faults === undefined
        ? (booked[next++] as EventOutcome)
        : { status: 'rejected', code: 'invalid_event', errors: faults };
    return { index, id: received[index]?.id ?? null, ...outcome };
  });
}
