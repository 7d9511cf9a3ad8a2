#!/usr/bin/env node
// The command `tallygate`. Committed, not built: npm links a bin only if it exists when it installs. In a checkout it first
// builds what is missing or old; a published package has no scripts/ and holds dist/ already.
'use strict';
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const build = join(__dirname, '..', 'scripts', 'build.mjs');
if (existsSync(build)) {
  // The build writes to stderr alone: stdout belongs to the command.
  const { status } = spawnSync(process.execPath, [build, '--if-stale'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(1);
}
void require('../dist/cli/main.js').main();
