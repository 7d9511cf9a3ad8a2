import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExchangeReader } from './wireMessages.js';

const STARTUP = Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]);

function message(type: string, length: number): Buffer {
  const bytes = Buffer.alloc(5 + length, type);
  bytes.writeInt32BE(4 + length, 1);
  return bytes;
}

function readAll(chunks: readonly Buffer[]): { hellos: number; exchanges: Buffer[] } {
  const reader = new ExchangeReader();
  const read = chunks.map((chunk) => reader.read(chunk));
  return {
    hellos: read.filter(({ hello }) => hello).length,
    exchanges: read.flatMap(({ exchange }) => (exchange === undefined ? [] : [Buffer.from(exchange)])),
  };
}

describe('what a client writes', () => {
  it('is sent up to the last message that is answered; what follows waits for its own', () => {
    const [parse, sync, query] = [message('P', 30), message('S', 0), message('Q', 8)];
    const reader = new ExchangeReader();
    expect(reader.read(STARTUP)).toEqual({ hello: true, exchange: undefined });
    expect(reader.read(parse).exchange).toBeUndefined();
    const first = reader.read(Buffer.concat([sync, query, parse])).exchange;
    expect(Buffer.from(first ?? [])).toEqual(Buffer.concat([parse, sync, query]));
    expect(Buffer.from(reader.read(sync).exchange ?? [])).toEqual(Buffer.concat([parse, sync]));
  });

  it('arrives whole and in order, wherever it was cut', () => {
    const messages = fc.array(fc.tuple(fc.constantFrom('P', 'B', 'D', 'E', 'S', 'Q', 'H'), fc.nat(40)), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (kinds, sizes) => {
        const all = kinds.map(([type, length]) => message(type, length));
        const last = kinds.findLastIndex(([type]) => 'SQH'.includes(type));
        const bytes = Buffer.concat([STARTUP, ...all]);
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + (sizes[turn % sizes.length] ?? 1);
          chunks.push(bytes.subarray(at, end));
          at = end;
        }
        const { hellos, exchanges } = readAll(chunks);
        expect(hellos).toBe(1);
        expect(Buffer.concat(exchanges)).toEqual(Buffer.concat(all.slice(0, last + 1)));
      }),
    );
  });
});
