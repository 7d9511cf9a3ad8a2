// A cost that is known only afterwards: words of a made-up language model, streamed to the client. The estimate is reserved before
// the first word and committed as what it became, also where the client goes away in the middle.
const express = require('express');
const { createTallygate } = require('tallygate');

const tallygate = createTallygate({
  plans: { free: [{ name: 'words', limit: 100, window: 'day' }] },
  resolveTenant: (req) => req.get('x-tenant'),
});

const app = express();
app.use(tallygate.usageMeter()); // counts the calls; what they cost is the reservation's matter

app.get('/stories/:words', async (req, res) => {
  const reservation = await tallygate.quota.reserve(req.get('x-tenant'), { estimate: 40, ttlSeconds: 60 });
  if (!reservation.allowed) {
    const { outcome, limits } = reservation.decision;
    if (outcome !== 'denied') return res.status(503).json({ error: 'The quota cannot be checked now.' });
    return res.status(429).json({ left: limits[0].remaining, resetAt: new Date(limits[0].resetAtMs) });
  }
  let words = 0;
  try {
    for await (const word of tell(Number(req.params.words))) {
      if (res.destroyed) break; // the client went away: it pays for what was made until then
      res.write(`${word} `);
      words += 1;
    }
  } finally {
    // In every case, or the estimate would stay charged for the rest of the day.
    await reservation.commit(words);
  }
  return res.end('\n');
});

/** In place of the model. */
async function* tell(words) {
  const story = ['once', 'upon', 'a', 'time', 'there', 'was', 'a', 'quota'];
  for (let n = 0; n < words; n += 1) {
    yield story[n % story.length];
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const server = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', (error) => {
  if (error) throw error;
  console.log(`http://127.0.0.1:${server.address().port}/stories/30`);
});
process.on('SIGTERM', () => {
  server.close(() => tallygate.close());
  server.closeIdleConnections();
});
