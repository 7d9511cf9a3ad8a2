// The quick start as a small app: two middlewares after whatever tells the tenants apart, and nothing to configure.
const express = require('express');
const usageMeter = require('tallygate/middleware/usageMeter');
const tenantQuota = require('tallygate/middleware/tenantQuota');

const app = express();

// In place of your authentication, which has to come first: it says whose request this is, and which user's.
const KEYS = new Map([
  ['key-of-acme', { tenantId: 'acme', id: 'ann' }],
  ['key-of-globex', { tenantId: 'globex', id: 'gus' }],
]);
app.use((req, res, next) => {
  req.user = KEYS.get(req.get('x-api-key'));
  if (req.user === undefined) res.status(401).json({ error: 'Send one of the keys of app.js as X-Api-Key.' });
  else next();
});

app.use(tenantQuota); // Check quota first
app.use(usageMeter); // Then record usage

app.get('/hello', (req, res) => {
  res.json({ hello: req.user.id });
});

const server = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', (error) => {
  if (error) throw error;
  console.log(`http://127.0.0.1:${server.address().port}/hello`);
});
