import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { costByTable, costTableFaults } from './costTable.js';

const TABLE = {
  'POST /exports': 50,
  'GET /reports/:id': 5,
  'GET /reports/:id/rows/*': 7,
  '* /search/*': 2,
  'GET /': 0,
};

function request(method: string, url: string): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  return Object.assign(req, { method, url });
}

describe('a request costs what its route says', () => {
  test.each<[string, string, number]>([
    ['POST', '/exports', 50],
    ['GET', '/exports', 1],
    ['GET', '/reports/7', 5],
    ['GET', '/reports/7/rows/a/b', 7],
    ['GET', '/reports/7/rows', 7],
    ['GET', '/reports/7/other', 1],
    ['DELETE', '/search/x', 2],
    ['GET', '/search', 2],
    ['GET', '/', 0],
    ['GET', '/nothing/known', 1],
    // Spellings of one path that a router takes for the same cost the same.
    ['POST', '/exports/', 50],
    ['POST', '/EXPORTS', 50],
    ['POST', '/%65xports?a=1', 50],
    ['POST', '/exports?/search/', 50],
    ['POST', 'http://anywhere:80/exports?a=1', 50],
    ['GET', 'http://anywhere', 0],
    ['GET', '/reports\\7#', 5],
    // Routers answer HEAD by the handler of GET, which does the same work.
    ['HEAD', '/reports/7', 5],
    ['HEAD', '/exports', 1],
    // What cannot be decoded is compared as it is.
    ['POST', '/%zz', 1],
  ])('%s %s: %d', (method, url, cost) => {
    expect(costByTable(TABLE)(request(method, url))).toBe(cost);
  });

  test('below a mount the whole path counts, not what the framework has cut it to', () => {
    const req = Object.assign(request('POST', '/'), { originalUrl: '/exports' });
    expect(costByTable(TABLE)(req)).toBe(50);
  });
});

test('every fault of a table is named by its key', () => {
  const faults = costTableFaults({ 'POST /a': -1, 'post /b': 1, '/c': 1, 'GET d': Number.NaN, 'GET /e': 3 }, 'cost');
  expect(faults.map(({ location }) => location)).toEqual([
    'cost["POST /a"]',
    'cost["post /b"]',
    'cost["/c"]',
    'cost["GET d"]',
    'cost["GET d"]',
  ]);
});
