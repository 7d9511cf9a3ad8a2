// Replays an access log into the ledger: each line at its own time, each line once, over crashes, repetition and growth.
// The rules and what fails without them: docs/decisions, and the notes below.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { TallygateError } from '../../core/errors.js';
import type { TenantCalendar } from '../../core/time/calendar.js';
import { accessLogReader, type LogSelector, logSelectorText, settledEnd } from '../../core/usage/accessLog.js';
import type { ReplayPosition, UsageLedger } from '../../ports/usageLedger.js';
import { MAX_LINE_BYTES, ReplayCursor } from './replayPosition.js';
import { ReplayReport, type ReplaySummary } from './replayReport.js';
import { type LogBytes, openLog } from './replaySource.js';
import { applyReplayStep } from './replayStep.js';
import { ReplayTally } from './replayTally.js';
