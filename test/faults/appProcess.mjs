// An app of a user's as a process of its own: `node:http` with tenantQuota before it, plans in code, events told as lines of JSON on
// stdout. It is configured by the environment, and by APP_OPTIONS, a JSON of createTallygate's options. A tenant's plan is the first
// word of its id (`soft-1`: soft), where there is such a plan.
//   GET /work?tenant=T&cost=N   behind the quota          GET /peek?tenant=T   where its limits stand
//   GET /flush                  everything to the ledger
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { createTallygate } = createRequire(import.meta.url)('../../dist/index.js');

const queryOf = (req) => new URL(req.url, 'http://app').searchParams;
const options = JSON.parse(process.env.APP_OPTIONS ?? '{}');
const tallygate = createTallygate({
  ...options,
  resolvePlan: (tenantId) => Object.keys(options.plans ?? {}).find((plan) => tenantId.startsWith(`${plan}-`)),
  resolveTenant: (req) => queryOf(req).get('tenant') ?? undefined,
});
for (const name of ['denied', 'threshold', 'storeDown', 'storeUp'])
  tallygate.on(name, (event) => process.stdout.write(`${JSON.stringify({ event: name, ...event })}\n`));
const quota = tallygate.tenantQuota({ cost: (req) => Number(queryOf(req).get('cost') ?? 1) });

const answer = (res, status, body) => {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
};

const server = createServer((req, res) => {
  const failed = (error) => answer(res, 500, { failed: String(error) });
  const { pathname } = new URL(req.url, 'http://app');
  if (pathname === '/work') {
    quota(req, res, (error) => (error === undefined ? answer(res, 200, req.tallygate?.decision ?? {}) : failed(error)));
  } else if (pathname === '/peek') {
    tallygate.quota.peek(queryOf(req).get('tenant')).then((decision) => answer(res, 200, decision), failed);
  } else if (pathname === '/flush') {
    tallygate.flush().then(() => answer(res, 200, {}), failed);
  } else answer(res, 404, {});
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  tallygate.close().then((left) => process.exit(left === 0 ? 0 : 1));
});
