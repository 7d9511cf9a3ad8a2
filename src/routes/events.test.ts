// POST /v1/events: three modes, the outcome of each event, and that a bad one loses no other.
import express from 'express';
import { describe, expect, it, vi } from 'vitest';
import { listening } from '../../test/http/listening.js';
import type { EventOutcome, UsageEvent } from '../core/usage/usageEvent.js';
import { sendError } from '../http/respond.js';
import { events, MOST_EVENT_BYTES, MOST_EVENTS } from './events.js';

const EVENT = { specversion: '1.0', id: 'e-1', source: '/s', type: 't', subject: 'acme' };
const USAGE: UsageEvent = {
  ...{ tenantId: 'acme', source: '/s', id: 'e-1', atMs: undefined },
  ...{ meter: 'api_calls', value: undefined, userId: undefined },
};
const BATCH = 'application/cloudevents-batch+json';
const SINGLE = 'application/cloudevents+json; charset=UTF-8';

async function mounted(outcomeOf: (event: UsageEvent) => EventOutcome = () => ({ status: 'accepted' })) {
  const bookEvents = vi.fn(async (given: readonly UsageEvent[]) => given.map(outcomeOf));
  const app = express();
  app.post('/v1/events', events({ bookEvents }));
  app.use(((error, req, res, _next) => sendError(req, res, error)) satisfies express.ErrorRequestHandler);
  const base = await listening(app);
  const post = async (contentType: string | undefined, body: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
    const response = await fetch(`${base}/v1/events`, { method: 'POST', body: text, headers: { ...type, ...headers } });
    const json = (await response.json()) as { results?: unknown; errors?: { location: string }[]; code?: string };
    return { status: response.status, json, locations: json.errors?.map((fault) => fault.location) };
  };
  return { bookEvents, post };
}

describe('one event alone', () => {
  it('counts one API call of its subject unless its data says otherwise', async () => {
    const { bookEvents, post } = await mounted();
    const answer = await post(SINGLE, EVENT);
    expect(answer).toMatchObject({ status: 200, json: { results: [{ index: 0, id: 'e-1', status: 'accepted' }] } });
    expect(bookEvents).toHaveBeenLastCalledWith([USAGE]);
    const data = { meter: 'tokens', value: 0, user: 'ann' };
    await post(SINGLE, { ...EVENT, time: '2026-11-24T13:00:00+01:00', data, extension: 7 });
    const atMs = Date.UTC(2026, 10, 24, 12);
    expect(bookEvents).toHaveBeenLastCalledWith([{ ...USAGE, meter: 'tokens', value: 0, userId: 'ann', atMs }]);
  });

  it.each<[what: object, at: string]>([
    [{ subject: undefined }, 'body.subject'],
    [{ subject: '..' }, 'body.subject'],
    [{ id: undefined }, 'body.id'],
    [{ data: { value: -1 } }, 'body.data.value'],
    [{ data: { value: 1.5 } }, 'body.data.value'],
    [{ data: { value: 2 ** 53 } }, 'body.data.value'],
    [{ data: { value: null } }, 'body.data.value'],
    [{ data: { vaule: 5 } }, 'body.data.vaule'],
    [{ data: { user: '' } }, 'body.data.user'],
    [{ data: { meter: 3 } }, 'body.data.meter'],
    [{ data: 'text' }, 'body.data'],
    [{ data: [] }, 'body.data'],
  ])('%j is a 400 that says where', async (change, at) => {
    const { bookEvents, post } = await mounted();
    const { status, locations } = await post(SINGLE, { ...EVENT, ...change });
    expect([status, locations]).toEqual([400, [at]]);
    expect(bookEvents).not.toHaveBeenCalled();
  });

  it('is a 400 too where it cannot be booked, and a 200 where it was booked before', async () => {
    const errors = [{ location: 'time', message: 'too old' }];
    const refused = await mounted(() => ({ status: 'rejected', code: 'time_out_of_range', errors }));
    expect(await refused.post(SINGLE, EVENT)).toMatchObject({ status: 400, locations: ['body.time'] });
    const { post } = await mounted(() => ({ status: 'duplicate' }));
    expect((await post(SINGLE, EVENT)).json).toEqual({ results: [{ index: 0, id: 'e-1', status: 'duplicate' }] });
  });
});

describe('an event in binary mode', () => {
  const headers = { 'ce-specversion': '1.0', 'ce-id': 'e-1', 'ce-source': '/s', 'ce-type': 't', 'ce-subject': 'acme' };

  it('is the same event, with the body as its data', async () => {
    const { bookEvents, post } = await mounted();
    await post('application/json', { value: 4 }, headers);
    expect(bookEvents).toHaveBeenLastCalledWith([{ ...USAGE, value: 4 }]);
  });

  it('says in which header it is at fault, or that its body is', async () => {
    const { post } = await mounted();
    const { 'ce-id': _, ...nameless } = headers;
    expect((await post('application/json', {}, nameless)).locations).toEqual(['header.ce-id']);
    expect((await post('application/json', { value: -1 }, headers)).locations).toEqual(['body.value']);
    expect((await post('text/xml', '<value/>', headers)).locations).toEqual(['body']);
  });
});

describe('a batch', () => {
  it('has an outcome for each event, and a bad one loses no other', async () => {
    const { bookEvents, post } = await mounted((event) => ({ status: event.id === 'e-4' ? 'duplicate' : 'accepted' }));
    const batch = [
      'no object',
      EVENT,
      { ...EVENT, id: 25 },
      { ...EVENT, id: 'e-4' },
      { ...EVENT, id: 'e-5', subject: 'a\0' },
    ];
    const { status, json } = await post(BATCH, batch);
    expect(status).toBe(200);
    expect(json.results).toMatchObject([
      { index: 0, id: null, status: 'rejected', code: 'invalid_event', errors: [{ location: '' }] },
      { index: 1, id: 'e-1', status: 'accepted' },
      { index: 2, id: null, status: 'rejected', code: 'invalid_event', errors: [{ location: 'id' }] },
      { index: 3, id: 'e-4', status: 'duplicate' },
      { index: 4, id: 'e-5', status: 'rejected', code: 'invalid_event', errors: [{ location: 'subject' }] },
    ]);
    expect(bookEvents).toHaveBeenCalledExactlyOnceWith([USAGE, { ...USAGE, id: 'e-4' }]);
  });

  it('may be empty, and may have 1,000 events; one more is a 413 and books nothing', async () => {
    const { bookEvents, post } = await mounted();
    expect((await post(BATCH, [])).json).toEqual({ results: [] });
    expect(bookEvents).not.toHaveBeenCalled();
    const full = Array.from({ length: MOST_EVENTS }, (_, index) => ({
      ...EVENT,
      id: `e-${index}`,
      padding: 'x'.repeat(500),
    }));
    expect((await post(BATCH, full)).status).toBe(200);
    expect(bookEvents.mock.lastCall?.[0]).toHaveLength(MOST_EVENTS);
    const more = await post(BATCH, [...full, EVENT]);
    expect([more.status, more.json.code]).toEqual([413, 'payload_too_large']);
    expect(bookEvents).toHaveBeenCalledTimes(1);
  });

  it('is a 413 above its bytes, and a 400 where it is no array', async () => {
    const { post } = await mounted();
    expect((await post(BATCH, `["${'x'.repeat(MOST_EVENT_BYTES)}"]`)).status).toBe(413);
    for (const body of [EVENT, '[', 'null']) expect((await post(BATCH, body)).status).toBe(400);
  });
});

it.each([undefined, 'application/json', 'application/cloudevents+avro', 'application/cloudevents'])(
  'the content type %s without the headers of an event is a 400',
  async (contentType) => {
    const { post } = await mounted();
    const { status, locations } = await post(contentType, EVENT);
    expect([status, locations]).toEqual([400, ['header.content-type']]);
  },
);
