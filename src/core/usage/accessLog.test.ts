// Lines of access logs and what they say, in exact tables; and as a law: what is formatted is read back, and nothing throws.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessLogReader, type LogSelector, logSelectorText, parseLogSelector } from './accessLog.js';
import { settledEnd } from './accessLogLine.js';

const HOST: LogSelector = { field: 'host' };
const USER: LogSelector = { field: 'user' };
const path = (segment: number): LogSelector => ({ field: 'path', segment });

function read(line: string | Buffer, tenantBy: LogSelector = HOST, userBy?: LogSelector) {
  const bytes = typeof line === 'string' ? Buffer.from(line, 'utf8') : line;
  return accessLogReader(tenantBy, userBy)(bytes, 0, bytes.length);
}

const at = (time: string): string => `192.0.2.7 - - [${time}] "GET / HTTP/1.1" 200 5`;
const asked = (request: string): string => `192.0.2.7 - - [17/May/2015:10:05:03 +0000] "${request}" 200 5`;
const MAY_17 = Date.UTC(2015, 4, 17, 10, 5, 3);

describe('a line counts when its Common part is whole', () => {
  it.each([
    ['Common', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5'],
    ['Combined', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "http://x/" "agent"'],
    ['an unclosed user agent', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "agent'],
    ['no bytes sent', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 304 -'],
    ['no request', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "-" 408 -'],
    ['an empty request', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "" 400 0'],
    ['no protocol', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a" 200 5'],
    ['escaped quotes', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /\\"a\\\\ HTTP/1.1" 200 5'],
    ['a user with spaces and brackets', '192.0.2.7 - a [b] c [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5'],
    ['a carriage return', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5\r'],
    ['bytes that are no UTF-8 in the request', '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /\xff HTTP/1.1" 200 5'],
  ])('%s', (_, line) => {
    const bytes = Buffer.from(line, 'latin1');
    expect(read(bytes)).toEqual({ outcome: 'counted', instantMs: MAY_17, tenant: '192.0.2.7', user: undefined });
  });

  it('an IPv6 host', () => {
    expect(read('2001:db8::7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5')).toMatchObject({
      tenant: '2001:db8::7',
    });
  });
});

describe('anything else is broken, with a reason', () => {
  it.each([
    ['', 'an empty line'],
    ['\r', 'an empty line'],
    ['garbage', 'no host, ident and user'],
    ['192.0.2.7 -', 'no host, ident and user'],
    ['192.0.2.7 - ', 'no time in brackets'],
    [' - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5', 'no host, ident and user'],
    ['192.0.2.7 - - yesterday "GET / HTTP/1.1" 200 5', 'no time in brackets'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000', 'no time in brackets'],
    ['192.0.2.7 - - [17/05/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5', 'no time in brackets'],
    ['192.0.2.7 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5', 'a time that does not exist'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000]', 'no request in quotes'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] GET / 200 5', 'no request in quotes'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1', 'a request without its closing quote'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /\\" 200 5', 'a request without its closing quote'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 20 5', 'no status of three digits'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 200', 'no status of three digits'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 2000 5', 'no status of three digits'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 200 ', 'no byte count after the status'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 200 5k', 'no byte count after the status'],
    ['192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 200 -5', 'no byte count after the status'],
  ])('%j: %s', (line, reason) => {
    expect(read(line)).toEqual({ outcome: 'broken', reason });
  });
});

describe('the time of a line is an instant', () => {
  it.each([
    ['17/May/2015:10:05:03 +0000', '2015-05-17T10:05:03Z'],
    ['17/May/2015:10:05:03 -0700', '2015-05-17T17:05:03Z'],
    ['01/Jan/2024:00:30:00 +0545', '2023-12-31T18:45:00Z'],
    ['29/Feb/2024:23:59:59 +0000', '2024-02-29T23:59:59Z'],
    ['29/Feb/2000:00:00:00 +0000', '2000-02-29T00:00:00Z'],
    // A leap second stays on its own date.
    ['31/Dec/2016:23:59:60 +0000', '2016-12-31T23:59:59Z'],
  ])('%s', (time, instant) => {
    expect(read(at(time))).toMatchObject({ outcome: 'counted', instantMs: Date.parse(instant) });
  });

  it.each([
    '29/Feb/2023:10:00:00 +0000',
    '29/Feb/1900:10:00:00 +0000',
    '31/Apr/2023:10:00:00 +0000',
    '00/May/2023:10:00:00 +0000',
    '17/may/2023:10:00:00 +0000',
    '17/May/2023:24:00:00 +0000',
    '17/May/2023:10:60:00 +0000',
    '17/May/2023:10:00:61 +0000',
    '17/May/2023:10:00:00 +0060',
    '17/May/2023:10:00:00 +1600',
    '17/May/9999:10:00:00 +0000',
  ])('%s does not exist', (time) => {
    expect(read(at(time))).toEqual({ outcome: 'broken', reason: 'a time that does not exist' });
  });

  it('agrees with the Gregorian calendar of the runtime on every day of 1970 to 9998', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9998, 11, 31) / 1000 }), (seconds) => {
        const time = new Date(seconds * 1000);
        expect(read(at(logTime(time)))).toMatchObject({ outcome: 'counted', instantMs: seconds * 1000 });
      }),
    );
  });
});

describe('path:N names a segment of the request', () => {
  it.each([
    ['GET /acme/orders HTTP/1.1', 1, 'acme'],
    ['GET /acme/orders HTTP/1.1', 2, 'orders'],
    ['GET /acme?x=/y HTTP/1.1', 1, 'acme'],
    ['GET /acme', 1, 'acme'],
    ['GET http://example.com/acme/orders HTTP/1.1', 2, 'orders'],
    ['GET HTTPS://example.com/acme HTTP/1.1', 1, 'acme'],
    ['GET /b%C3%BCro/x HTTP/1.1', 1, 'büro'],
    ['GET /%ff/x HTTP/1.1', 1, '%ff'],
    ['GET /50%/x HTTP/1.1', 1, '50%'],
    ['GET /a%2Fb/x HTTP/1.1', 1, 'a/b'],
    ['GET /büro HTTP/1.1', 1, 'büro'],
    ['GET /__proto__ HTTP/1.1', 1, '__proto__'],
  ])('%s, segment %i: %s', (request, segment, tenant) => {
    expect(read(asked(request), path(segment))).toMatchObject({ outcome: 'counted', tenant });
  });

  it.each([
    ['GET /acme HTTP/1.1', 2],
    ['GET /acme?x=/y HTTP/1.1', 2],
    ['GET //acme HTTP/1.1', 1],
    ['GET / HTTP/1.1', 1],
    ['GET /- HTTP/1.1', 1],
    ['GET http://example.com HTTP/1.1', 1],
    ['GET http://example.com?/a HTTP/1.1', 1],
    ['OPTIONS * HTTP/1.1', 1],
    ['CONNECT example.com:443 HTTP/1.1', 1],
    ['-', 1],
    ['', 1],
  ])('%s has no segment %i', (request, segment) => {
    expect(read(asked(request), path(segment))).toMatchObject({ outcome: 'counted', tenant: undefined });
  });
});

describe('tenants and users', () => {
  const by = (user: string) => `192.0.2.7 - ${user} [17/May/2015:10:05:03 +0000] "GET /acme HTTP/1.1" 200 5`;

  it.each(['-', '""'])('%s as user is none', (user) => {
    expect(read(by(user), path(1), USER)).toMatchObject({ tenant: 'acme', user: undefined });
    expect(read(by(user), USER)).toMatchObject({ outcome: 'counted', tenant: undefined });
  });

  it.each(['ada', 'a b', 'größe', 'a"b'])('%s is a user', (user) => {
    expect(read(by(user), path(1), USER)).toMatchObject({ tenant: 'acme', user });
  });

  it.each([
    ['too long', by('x'.repeat(257))],
    ['NUL', by('a\0b')],
    ['a dot', by('..')],
  ])('a tenant with %s breaks the line', (_, line) => {
    expect(read(line, USER)).toMatchObject({ outcome: 'broken', reason: expect.stringMatching(/^tenant: /) });
  });

  it('invalid UTF-8 breaks the line only where it is asked for, so that no two ids become one', () => {
    const line = Buffer.from(by('a\xffb'), 'latin1');
    expect(read(line, USER)).toEqual({ outcome: 'broken', reason: 'tenant: expected UTF-8, got other bytes' });
    expect(read(line, HOST, USER)).toEqual({ outcome: 'broken', reason: 'user: expected UTF-8, got other bytes' });
    expect(read(line, HOST)).toMatchObject({ outcome: 'counted', tenant: '192.0.2.7' });
  });

  it('a user of 513 characters breaks the line', () => {
    expect(read(by('x'.repeat(513)), HOST, USER)).toMatchObject({ outcome: 'broken' });
    expect(read(by('x'.repeat(512)), HOST, USER)).toMatchObject({ outcome: 'counted' });
  });
});

describe('selectors', () => {
  it.each(['host', 'user', 'path:1', 'path:12', 'path:1000'])('%s is read and written back', (text) => {
    const selector = parseLogSelector(text);
    expect(selector && logSelectorText(selector)).toBe(text);
  });

  it.each(['', 'Host', 'path', 'path:', 'path:0', 'path:01', 'path:1001', 'path:-1', 'ident'])('%j is none', (text) => {
    expect(parseLogSelector(text)).toBeUndefined();
  });
});

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** The time as Apache writes it, in UTC. */
function logTime(time: Date): string {
  const date = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${date}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}

describe('laws', () => {
  const word = fc.stringMatching(/^[a-z0-9.:_é字-]{1,20}$/).filter((text) => !['-', '.', '..'].includes(text));
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
  const rest = fc.constantFrom('', ' "-" "agent"', ' "-" "unclosed', ' what follows is ignored');

  it('whatever is formatted as a line is read back', () => {
    fc.assert(
      fc.property(word, word, seconds, fc.string(), rest, (host, user, second, target, tail) => {
        const request = target.replace(/["\\\n]/g, (character) => `\\${character}`);
        const line = `${host} - ${user} [${logTime(new Date(second * 1000))}] "GET ${request}" 200 17${tail}`;
        expect(read(line, HOST, USER)).toEqual({
          outcome: 'counted',
          instantMs: second * 1000,
          tenant: host,
          user,
        });
      }),
    );
  });

  it('never throws and never reads past its end, whatever the bytes are', () => {
    const piece = fc.oneof(
      fc.constantFrom('192.0.2.7 - - ', '[17/May/2015:10:05:03 +0000]', ' "', 'GET /a', '" ', '200', ' -', '\\', ' ['),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.string(), (pieces, beyond) => {
        const line = Buffer.from(pieces.join(''), 'utf8');
        const followed = Buffer.concat([line, Buffer.from(beyond, 'utf8')]);
        for (const selector of [HOST, USER, path(1)]) {
          expect(accessLogReader(selector, USER)(followed, 0, line.length)).toEqual(read(line, selector, USER));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('what is settled of a line stays settled, and equal, however the line grows', () => {
    const line = Buffer.from(asked('GET /a HTTP/1.1'), 'utf8');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: line.length }), fc.string(), (length, more) => {
        const grown = Buffer.concat([line.subarray(0, length), Buffer.from(more, 'utf8')]);
        const settled = settledEnd(line, 0, length);
        if (settled !== undefined) expect(settledEnd(grown, 0, grown.length)).toBe(settled);
      }),
    );
  });
});
