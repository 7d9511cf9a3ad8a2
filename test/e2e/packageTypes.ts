// The sources that a TypeScript user would write, for each module system, with and without the types of Express.

const USE = `
const tallygate = createTallygate({ resolveTenant: (req) => (req as { tenant?: string }).tenant });
const guard = tallygate.tenantQuota({ skip: () => false });
const meter = tallygate.usageMeter();
createServer((req, res) => tenantQuota(req, res, () => usageMeter(req, res, () => res.end())));
createServer((req, res) => guard(req, res, () => meter(req, res, () => res.end())));
export const end: () => void = tallygate.on('threshold', ({ tenantId, level }) => tenantId.length + level);
export const closed: Promise<unknown> = Promise.resolve(tallygate.close());
`;

const IMPORTED = `
import { createServer } from 'node:http';
import { createTallygate } from 'tallygate';
import tenantQuota from 'tallygate/middleware/tenantQuota';
import usageMeter from 'tallygate/middleware/usageMeter';
`;

const REQUIRED = `
import { createServer } from 'node:http';
import { createTallygate } from 'tallygate';
import tenantQuota = require('tallygate/middleware/tenantQuota');
import usageMeter = require('tallygate/middleware/usageMeter');
`;

// What the app declares on Express' request is what the resolver sees, and nothing more.
const WITH_EXPRESS = `
import express from 'express';
import { createTallygate } from 'tallygate';
import tenantQuota from 'tallygate/middleware/tenantQuota';
import usageMeter from 'tallygate/middleware/usageMeter';
declare global {
  namespace Express {
    interface Request {
      auth?: { tenantId: string };
    }
  }
}
const app = express();
app.use(tenantQuota);
app.use(usageMeter);
const tallygate = createTallygate({ resolveTenant: (req) => req.auth?.tenantId });
app.use(tallygate.tenantQuota());
app.use(tallygate.usageMeter());
app.use('/api/admin', tallygate.adminRoutes({ authenticate: () => true }));
// @ts-expect-error nobody declared it
export const wrong = createTallygate({ resolveTenant: (req) => req.notDeclared });
`;

const settings = (module: string, moduleResolution: string, include: readonly string[]) =>
  JSON.stringify({
    // skipLibCheck stays off: our declarations have to stand on their own.
    compilerOptions: {
      module,
      moduleResolution,
      target: 'es2022',
      strict: true,
      noEmit: true,
      esModuleInterop: true,
      types: ['node'],
    },
    include,
  });

/** The settings to compile under, by name. */
export const TYPE_PROJECTS = ['nodenext', 'node16', 'bundler'] as const;

/** The files that go beside an installed package, to be compiled there with `tsc -p tsconfig.<project>.json`. */
export function typeFiles({ express }: { express: boolean }): Readonly<Record<string, string>> {
  const sources: Record<string, string> = {
    'required.cts': REQUIRED + USE,
    'imported.mts': IMPORTED + USE,
    'bundled.ts': IMPORTED + USE,
    ...(express ? { 'express.mts': WITH_EXPRESS, 'express.cts': WITH_EXPRESS, 'bundledExpress.ts': WITH_EXPRESS } : {}),
  };
  const names = Object.keys(sources);
  const ofModules = names.filter((name) => !name.endsWith('.ts'));
  return {
    ...sources,
    'tsconfig.nodenext.json': settings('nodenext', 'nodenext', ofModules),
    'tsconfig.node16.json': settings('node16', 'node16', ofModules),
    'tsconfig.bundler.json': settings(
      'esnext',
      'bundler',
      names.filter((name) => name.endsWith('.ts')),
    ),
  };
}
