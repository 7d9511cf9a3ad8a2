// The format of CloudEvents 1.0, by the cases that its conformance suite publishes for JSON (valid and invalid), in our words, and
// those of the HTTP binding's binary mode.
import { describe, expect, test } from 'vitest';
import { binaryEvent, structuredEvent } from './cloudEvent.js';

const MINIMAL = { specversion: '1.0', id: 'e-1', type: 'com.example.call', source: 'https://example.com' };
const without = (name: keyof typeof MINIMAL) => ({ ...MINIMAL, [name]: undefined });
/** As it would come over the wire: members that are undefined are not there. */
const read = (event: unknown) => structuredEvent(JSON.parse(JSON.stringify(event)));

describe('a valid event', () => {
  test.each<[what: string, event: object]>([
    ['has the four required attributes', {}],
    [
      'may have null for what it leaves out',
      { datacontenttype: null, dataschema: null, subject: null, time: null, data: null },
    ],
    [
      'may have all attributes of the core',
      {
        ...{ datacontenttype: 'text/plain', dataschema: 'https://example.com/schema' },
        ...{ subject: 'acme', time: '2018-04-05T17:31:00Z' },
      },
    ],
    ['may have a time to nanoseconds', { time: '2018-04-05T17:31:00.000000000Z' }],
    ['may have a time with more digits than that', { time: '2018-04-05T17:31:00.0123456789123Z' }],
    ['may have a time east of Greenwich', { time: '2018-04-05T18:31:00+01:00' }],
    ['may have a time west of it', { time: '2018-04-05T16:31:00-01:00' }],
    ['may have a time in small letters', { time: '2018-04-05t17:31:00z' }],
    ['may have a relative source', { source: '#fragment' }],
    ['may have a source that is a path', { source: '/cloud/pods/17' }],
    ['may have a source that is a name', { source: 'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66' }],
    ['may have a source beyond ASCII', { source: '/Zähler/漢' }],
    ['may have data that is text', { datacontenttype: 'text/plain', data: 'text' }],
    ['may have data in base64', { data_base64: 'eyJ2YWx1ZSI6M30=' }],
    ['may have a media type with parameters', { datacontenttype: 'application/json; charset=utf-8', data: {} }],
    [
      'may have extensions of every type',
      {
        ...{ extinteger: 10, extboolean: true, extstring: 'text', exturi: 'https://example.com' },
        ...{ exturiref: '//authority/path', exttimestamp: '2023-03-31T15:12:00Z', extbinary: 'TWE=' },
      },
    ],
  ])('%s', (_, members) => expect(read({ ...MINIMAL, ...members }).faults).toBeUndefined());

  test('hands out its data, also from base64', () => {
    expect(read({ ...MINIMAL, data: { value: 3 } }).event?.data).toEqual({ value: 3 });
    expect(read({ ...MINIMAL, data_base64: 'eyJ2YWx1ZSI6M30=' }).event?.data).toEqual({ value: 3 });
    const asText = { ...MINIMAL, datacontenttype: 'text/plain', data_base64: 'TWE=' };
    expect(read(asText).event?.data).toBe('Ma');
  });
});

describe('an invalid event', () => {
  test.each<[what: string, event: object, at: string]>([
    ['has no specversion', without('specversion'), 'specversion'],
    ['has no id', without('id'), 'id'],
    ['has no type', without('type'), 'type'],
    ['has no source', without('source'), 'source'],
    ['has null for a required attribute', { ...MINIMAL, id: null }, 'id'],
    ...['lunchtime', '2018-04-05T18:31Z', '2018-04-05T18:31:00X', '2018-04-05T18:31:00+25:00'].map(
      (time): [string, object, string] => [`has the time ${time}`, { ...MINIMAL, time }, 'time'],
    ),
    ...['2018-04-05T18:31:00+xx:00', '2018-04-05T18:31:00+05', '2018-02-30T18:31:00Z', '2018-04-05', ''].map(
      (time): [string, object, string] => [`has the time ${time}`, { ...MINIMAL, time }, 'time'],
    ),
    ...['id', 'type', 'source', 'specversion', 'datacontenttype', 'dataschema', 'subject'].map(
      (name): [string, object, string] => [`has an empty ${name}`, { ...MINIMAL, [name]: '' }, name],
    ),
    ['is of another specversion', { ...MINIMAL, specversion: '0.9' }, 'specversion'],
    ['has a number for its specversion', { ...MINIMAL, specversion: 1 }, 'specversion'],
    ['has a media type that is none', { ...MINIMAL, datacontenttype: 'xyz' }, 'datacontenttype'],
    ['has a schema without a scheme', { ...MINIMAL, dataschema: '/schema' }, 'dataschema'],
    ['has a number for its id', { ...MINIMAL, id: 25 }, 'id'],
    ['has an object for its id', { ...MINIMAL, id: { xyz: 'abc' } }, 'id'],
    ['has an id of 2 kB', { ...MINIMAL, id: 'x'.repeat(2_048) }, 'id'],
    ['has a lone surrogate in its id', { ...MINIMAL, id: 'a\ud800' }, 'id'],
    ['has a NUL in its source', { ...MINIMAL, source: '/a\0b' }, 'source'],
    ['has a blank in its source', { ...MINIMAL, source: '/a b' }, 'source'],
    ['has a stray percent sign in its source', { ...MINIMAL, source: '/100%' }, 'source'],
    ['has a line break in an extension', { ...MINIMAL, ext: 'a\nb' }, 'ext'],
    ['has an extension in capitals', { ...MINIMAL, MyExtension: 'bad' }, 'MyExtension'],
    ['has an extension with a dot', { ...MINIMAL, 'my.extension': 'bad' }, 'my.extension'],
    ['has a fraction for an extension', { ...MINIMAL, myextension: 1.5 }, 'myextension'],
    ['has more than 32 bits for an extension', { ...MINIMAL, myextension: 2 ** 31 }, 'myextension'],
    ['has an object for an extension', { ...MINIMAL, myextension: {} }, 'myextension'],
    ['has both data and data_base64', { ...MINIMAL, data: 'text', data_base64: 'eyAieHl6IjogMTIzIH0=' }, 'data_base64'],
    ['has something else for base64', { ...MINIMAL, data_base64: 'not base64' }, 'data_base64'],
    ['has base64 that holds no JSON', { ...MINIMAL, data_base64: 'TWE=' }, 'data_base64'],
    ['has an extension that is called __proto__', JSON.parse('{"__proto__": "x"}'), '__proto__'],
  ])('%s', (_, event, at) => expect(structuredEvent(event).faults?.map((fault) => fault.location)).toContain(at));

  test.each(['text', 3, null, [], [MINIMAL], true])('is no object: %j', (event) =>
    expect(structuredEvent(event).faults).toHaveLength(1),
  );

  test('is told all that is wrong with it, and by its id as far as it can be shown', () => {
    const event = read({ id: 'e-9', specversion: '0.3', source: '', time: 'x' });
    expect(event.id).toBe('e-9');
    expect(event.faults?.map((fault) => fault.location).sort()).toEqual(['source', 'specversion', 'time', 'type']);
    expect(read({ ...MINIMAL, id: 'x'.repeat(2_048) }).id).toBeUndefined();
  });
});

describe('in binary mode', () => {
  const headers = (more: Record<string, string[]> = {}) => ({
    ...{ 'ce-specversion': ['1.0'], 'ce-id': ['e-1'], 'ce-type': ['t'], 'ce-source': ['/s'] },
    ...more,
  });
  const body = (text: string) => Buffer.from(text);
  const locations = (more: Record<string, string[]>, text = '') =>
    binaryEvent(headers(more), body(text)).faults?.map((fault) => fault.location);

  test('attributes are headers, percent-decoded; the body is the data, and an empty one is none', () => {
    const read = binaryEvent(headers({ 'ce-subject': ['%E6%BC%A2 %25'], host: ['x'], 'ce-ext': ['1'] }), body(''));
    const attributes = { specversion: '1.0', id: 'e-1', type: 't', source: '/s', subject: '漢 %', ext: '1' };
    expect(read).toEqual({ id: 'e-1', event: { attributes, data: undefined } });
    const typed = binaryEvent(headers({ 'content-type': ['application/json'] }), body('{"value":3}'));
    expect(typed.event?.data).toEqual({ value: 3 });
    expect(typed.event?.attributes.datacontenttype).toBe('application/json');
    expect(binaryEvent(headers(), body('{"value":4}')).event?.data).toEqual({ value: 4 });
  });

  test.each<[what: string, more: Record<string, string[]>, at: string[]]>([
    ['two values', { 'ce-id': ['a', 'b'] }, ['id']],
    ['bytes that are not encoded', { 'ce-subject': ['caf\u00e9'] }, ['subject']],
    ['half an encoding', { 'ce-subject': ['%E6%BC'] }, ['subject']],
    ['a name with a dash', { 'ce-my-ext': ['x'] }, ['my-ext']],
    ['a time that is none', { 'ce-time': ['noon'] }, ['time']],
  ])('%s is a fault', (_, more, at) => expect(locations(more)).toEqual(at));

  test('a body that is not the JSON it is said to be is a fault', () => {
    expect(locations({ 'content-type': ['application/json'] }, '{')).toEqual(['data']);
    expect(locations({ 'content-type': ['application/vnd.x+json; charset=utf-8'] }, '{')).toEqual(['data']);
  });
});
