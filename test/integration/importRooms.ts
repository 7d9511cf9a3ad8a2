// What each room of the house may import and what it may not, as examples for importDirection.test.ts.

export interface Room {
  /** A file of the room; it need not exist in the project. */
  readonly file: string;
  /** What every refusal in this room must say: whom the rule protects. */
  readonly protects: string;
  readonly refused: readonly string[];
  readonly allowed: readonly string[];
}

const words = (text: string): readonly string[] => text.split(' ');

export const rooms: readonly Room[] = [
  {
    file: 'src/core/probe.ts',
    protects: 'core imports nothing: it protects the pure rules',
    refused: words('./quota/limit.js ../ports/clock.js node:crypto zod tallygate'),
    allowed: words('./errors.js'),
  },
  {
    file: 'src/core/quota/probe.ts',
    protects: 'core imports core alone, no node: module and no package: it protects the pure rules',
    refused: words('../../ports/clock.js ../../index.js ../../stores/memory/x.js node:crypto node:fs pg tallygate'),
    allowed: words('./limit.js ../errors.js ../time/calendar.js ../usage/activeDays.js'),
  },
  {
    file: 'src/core/usage/activeDays.ts',
    protects: 'only activeDays hashes, with node:crypto: it protects the pure rules',
    refused: words('node:fs node:os ../../ports/clock.js pg'),
    allowed: words('node:crypto ../errors.js ../time/calendar.js'),
  },
  {
    file: 'src/ports/probe.ts',
    protects: 'it protects everyone who writes a store',
    refused: words('../services/usage/quotaService.js ../stores/redis/x.js ../config.js ../index.js pg node:fs'),
    allowed: words('./clock.js ../core/quota/charge.js ../core/errors.js'),
  },
  {
    file: 'src/services/usage/probe.ts',
    protects: 'it protects admission and metering',
    refused: words(
      '../admission/admission.js ../metering/usageRecorder.js ../../stores/memory/x.js ../../http/admit.js ../../config.js ../../index.js express',
    ),
    allowed: words('./quotaService.js ../../core/quota/limit.js ../../ports/clock.js node:timers/promises'),
  },
  {
    file: 'src/services/admission/probe.ts',
    protects: 'it protects the hot path',
    refused: words(
      '../usage/usageService.js ../metering/usageRecorder.js ../../stores/redis/x.js ../../telemetry/metrics.js ../../http/admit.js @redis/client',
    ),
    allowed: words('./admission.js ../usage/quotaService.js ../../core/quota/decision.js ../../ports/counterStore.js'),
  },
  {
    file: 'src/services/metering/probe.ts',
    protects: 'it protects usage that is on its way to the ledger',
    refused: words(
      '../usage/quotaService.js ../admission/admission.js ../../stores/postgres/x.js ../../tallygate.js pg',
    ),
    allowed: words('./usageBuffer.js ../../core/errors.js ../../ports/usageLedger.js node:crypto'),
  },
  {
    file: 'src/services/simulation/probe.ts',
    protects: 'it protects what a plan would do',
    refused: words(
      '../usage/quotaService.js ../admission/admission.js ../metering/logReplay.js ../../stores/memory/x.js ../../config.js pg',
    ),
    allowed: words('./planTrial.js ../../core/quota/windows.js ../../ports/counterStore.js node:crypto'),
  },
  ...(
    [
      ['memory', undefined, '../redis/x.js', 'pg'],
      ['redis', '@redis/client', '../postgres/x.js', 'pg'],
      ['postgres', 'pg', '../memory/x.js', '@redis/client'],
      ['disk', undefined, '../postgres/x.js', 'pg'],
    ] as const
  ).map(([store, driver, sibling, otherDriver]) => ({
    file: `src/stores/${store}/probe.ts`,
    protects: 'it protects the other stores',
    refused: [
      sibling,
      otherDriver,
      '../../services/usage/quotaService.js',
      '../../config.js',
      '../../index.js',
      'tallygate',
    ],
    allowed: ['./probe2.js', '../../core/errors.js', '../../ports/clock.js', 'node:fs', ...(driver ? [driver] : [])],
  })),
  {
    file: 'src/http/probe.ts',
    protects: 'it protects every adapter',
    refused: words(
      '../services/usage/quotaService.js ../ports/clock.js ../auth/bearer.js ../routes/consume.js express',
    ),
    allowed: words('./admit.js ../core/errors.js ../services/admission/admission.js node:http'),
  },
  {
    file: 'src/auth/probe.ts',
    protects: 'it protects tokens from frameworks and stores',
    refused: words('../services/usage/quotaService.js ../stores/postgres/x.js ../routes/consume.js express'),
    allowed: words('./bearer.js ../http/problem.js ../ports/tokenStore.js ../core/errors.js node:crypto'),
  },
  {
    file: 'src/middleware/probe.ts',
    protects: 'it protects apps without Express',
    refused: words(
      './tenantQuota.js ./usageMeter.js ../stores/memory/x.js ../routes/consume.js ../tallygate.js ../index.js express',
    ),
    allowed: words(
      './caller.js ../http/admit.js ../auth/bearer.js ../services/admission/admission.js ../core/errors.js node:http',
    ),
  },
  {
    file: 'src/adapters/probe.ts',
    protects: 'it protects apps that have only one of the frameworks',
    refused: words('./fastify.js ../stores/memory/x.js ../tallygate.js ../index.js pg'),
    allowed: words('../http/admit.js ../services/admission/admission.js express fastify hono'),
  },
  {
    file: 'src/routes/probe.ts',
    protects: 'never another route: it protects apps that mount some of them',
    refused: words('./consume.js ../stores/postgres/x.js ../middleware/tenantQuota.js ../tallygate.js ../index.js pg'),
    allowed: words('../http/problem.js ../auth/bearer.js ../services/usage/usageService.js ../core/errors.js express'),
  },
  {
    file: 'src/telemetry/probe.ts',
    protects: 'it protects the code that it measures',
    refused: words('../services/admission/admission.js ../server/server.js ../tallygate.js express'),
    allowed: words('./metrics.js ../ports/observer.js prom-client pino @opentelemetry/api'),
  },
  {
    file: 'src/embedded/probe.ts',
    protects: 'it protects the ledger',
    refused: words('../stores/postgres/x.js ../ports/clock.js ../config.js ../tallygate.js express'),
    allowed: words('./dataFolder.js ../core/errors.js node:worker_threads pg @electric-sql/pglite'),
  },
  {
    file: 'src/config.ts',
    protects: 'config imports core alone: it protects the root',
    refused: words('./tallygate.js ./index.js ./ports/clock.js ./stores/postgres/x.js pg'),
    allowed: words('./core/quota/plans.js ./config/environment.js'),
  },
  {
    file: 'src/config/probe.ts',
    protects: 'config imports core alone: it protects the root',
    refused: words('../tallygate.js ../config.js ../ports/clock.js pg'),
    allowed: words('./environment.js ../core/quota/plans.js'),
  },
  {
    file: 'src/testing/probe.ts',
    protects: 'it protects everyone who tests a store of their own',
    refused: words('../stores/memory/x.js ../tallygate.js ../index.js ../services/usage/quotaService.js vitest pg'),
    allowed: words('./setClock.js ../core/quota/charge.js ../ports/counterStore.js node:assert/strict'),
  },
  {
    file: 'src/readyMade/probe.ts',
    protects: 'it protects the one instance',
    refused: words(
      '../index.js ../services/admission/admission.js ../stores/memory/x.js ../middleware/usageMeter.js express',
    ),
    allowed: words('./instance.js ../tallygate.js'),
  },
  {
    file: 'src/tallygate.ts',
    protects: 'it protects apps that have no Express',
    refused: words('./index.js ./adapters/fastify.js ./server/server.js ./cli/main.js ./readyMade/instance.js express'),
    allowed: words('./config.js ./stores/redis/x.js ./embedded/dataFolder.js ./routes/adminRoutes.js ./core/errors.js'),
  },
  {
    file: 'src/composition/probe.ts',
    protects: 'it protects apps that have no Express',
    refused: words('../index.js ../tallygate.js ../adapters/fastify.js ../server/server.js ../cli/main.js express'),
    allowed: words('./probe2.js ../config.js ../stores/redis/x.js ../embedded/dataFolder.js ../core/errors.js'),
  },
  {
    file: 'src/index.ts',
    protects: 'it protects users from names that we would have to keep',
    refused: words('./stores/memory/x.js ./server/server.js ./cli/main.js ./readyMade/instance.js express pg'),
    allowed: words('./tallygate.js ./core/errors.js ./ports/clock.js ./routes/adminRoutes.js'),
  },
  {
    file: 'src/server/probe.ts',
    protects: 'it protects the stores, which only the root knows',
    refused: words(
      '../stores/postgres/x.js ../services/usage/usageService.js ../embedded/dataFolder.js ../cli/main.js ../index.js',
    ),
    allowed: words(
      './server.js ../tallygate.js ../config.js ../routes/consume.js ../telemetry/metrics.js express helmet',
    ),
  },
  {
    file: 'src/cli/probe.ts',
    protects: 'it protects the stores, which only the root knows',
    refused: words(
      '../stores/postgres/x.js ../services/usage/usageService.js ../routes/consume.js ../index.js express',
    ),
    allowed: words('./main.js ./commands/serve.js ../tallygate.js ../server/server.js ../config.js commander'),
  },
  {
    file: 'src/cli/commands/probe.ts',
    protects: 'never another command: it protects each command',
    refused: words('./serve.js ../../stores/postgres/x.js ../../services/usage/usageService.js ../../index.js express'),
    allowed: words(
      '../output.js ../../tallygate.js ../../server/server.js ../../config.js ../../core/errors.js commander',
    ),
  },
];
