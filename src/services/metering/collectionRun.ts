// One run of a collection of storage: what the app tells of its tenants, page by page, becomes levels on the normal way of usage; then
// tenants that are gone have 0 bytes. Memory holds a page, however many tenants there are.
import { TallygateError } from '../../core/errors.js';
import { readCollectedPair } from '../../core/usage/collectedStorage.js';
import type { ClaimedRun, StorageCollections } from '../../ports/storageCollections.js';

/** What an app hands over: pairs of a tenant and its bytes, as they are or as they come. */
export type CollectedPairs = Iterable<unknown> | AsyncIterable<unknown>;

/** What a run needs. */
export interface CollectionRunParts {
  readonly collections: StorageCollections;
  /** The app's function. */
  readonly collect: (signal: AbortSignal) => CollectedPairs | Promise<CollectedPairs>;
  /** Books a level. */
  readonly record: (tenantId: string, bytes: number, atMs: number) => void;
  /** Brings what is booked to the ledger. */
  readonly flush: () => Promise<void>;
  readonly onSaturated: (what: string) => void;
}

/** A run to do. */
export interface CollectionRun extends ClaimedRun {
  /** The instant of what it reports: its claim's, unless the clocks of ledger and process are too far apart. */
  readonly atMs: number;
  /** Whether the run before it ended well: then everything that it reported is in the ledger. */
  readonly followsFinished: boolean;
}

/** What a run found. */
export interface CollectionFigures {
  /** Tenants that have storage, or had it and are told to have 0. */
  tenants: number;
  /** Levels that were booked. Those of tenants whose level has not changed are not. */
  booked: number;
  /** Tenants of earlier runs that were not found. */
  vanished: number;
  /** Pairs without a valid tenant id, and tenants without a valid amount, which keep what they had. */
  withoutTenant: number;
  withoutAmount: number;
}

/** Tenants that are noted, read and booked at a time. */
const PAGE = 1_000;
/** A level that has not changed is said again after a day: levels end 35 days after they were said last. */
const SAID_AGAIN_MS = 86_400_000;

/**
 * Runs it. Rejects with what the app's function throws or the ledger answers, with the signal's reason, or with `closed` where another
 * process has claimed since; what was booked until then stays booked.
 */
export async function runCollection(
  run: CollectionRun,
  parts: CollectionRunParts,
  signal: AbortSignal,
): Promise<CollectionFigures> {
  const figures = { tenants: 0, booked: 0, vanished: 0, withoutTenant: 0, withoutAmount: 0 };
  let page = new Map<string, number | undefined>();
  for await (const pair of abortable(parts.collect, signal)) {
    const read = readCollectedPair(pair);
    if (read.kind === 'no_tenant') {
      figures.withoutTenant += 1;
      continue;
    }
    if (read.kind === 'no_amount') figures.withoutAmount += 1;
    else if (read.saturated) parts.onSaturated('storage');
    // Of two amounts the last counts; none takes the place of one.
    page.set(read.tenantId, read.kind === 'level' ? read.bytes : page.get(read.tenantId));
    if (page.size < PAGE) continue;
    await bookPage(run, page, parts, figures, signal);
    page = new Map();
  }
  await bookPage(run, page, parts, figures, signal);
  // Only here is it known who is gone: a function that failed half-way has said nothing about the rest.
  await bookVanished(run, parts, figures, signal);
  if (!(await parts.collections.finish(run, figures.tenants))) throw lostClaim();
  return figures;
}

async function bookPage(
  run: CollectionRun,
  page: ReadonlyMap<string, number | undefined>,
  { collections, record, flush }: CollectionRunParts,
  figures: CollectionFigures,
  signal: AbortSignal,
): Promise<void> {
  if (page.size === 0) return;
  // Before anything is booked: a level that nobody remembers could never be ended.
  const noted = await collections.note(run.runNumber, [...page.keys()]);
  if (noted === undefined) throw lostClaim();
  signal.throwIfAborted();
  const { levels, repeated } = noted;
  figures.tenants += page.size - repeated.size;
  let booked = 0;
  for (const [tenantId, bytes] of page) {
    if (bytes === undefined) continue;
    const level = levels.get(tenantId);
    const ageMs = level?.bytes === bytes ? run.atMs - level.atMs : Number.POSITIVE_INFINITY;
    // What a run booked that did not end well may still be on its way: then the ledger's level is not the last word. What this one booked is
    // there, since each page is flushed.
    const isSaid = run.followsFinished && ageMs >= 0 && ageMs < SAID_AGAIN_MS;
    if (isSaid) continue;
    record(tenantId, bytes, run.atMs);
    booked += 1;
  }
  figures.booked += booked;
  // What waits stays a page, however fast the app is.
  if (booked > 0) await flush();
}

async function bookVanished(
  { runNumber, atMs }: CollectionRun,
  { collections, record, flush }: CollectionRunParts,
  figures: CollectionFigures,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const gone = await collections.vanished(runNumber, PAGE);
    if (gone.length === 0) return;
    signal.throwIfAborted();
    for (const tenantId of gone) record(tenantId, 0, atMs);
    await flush();
    // Not before the ledger has their 0: a process that dies in between leaves them to the next run.
    const forgotten = await collections.forget(runNumber, gone);
    if (forgotten === 0) throw lostClaim();
    figures.vanished += forgotten;
    figures.booked += gone.length;
  }
}

/** The app's pairs, until the signal. An iterator that does not answer is left behind, and told so. */
async function* abortable(collect: CollectionRunParts['collect'], signal: AbortSignal): AsyncGenerator<unknown> {
  const pairs = await beforeAbort(Promise.resolve(collect(signal)), signal);
  const iterator = iteratorOf(pairs);
  let over = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = iterator.next();
      const { done, value } = 'then' in next ? await beforeAbort(next, signal) : next;
      if (done === true) break;
      yield value;
    }
    over = true;
  } finally {
    // Its end is not waited for, and what it says then is nobody's.
    if (!over) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function iteratorOf(pairs: CollectedPairs): Iterator<unknown> | AsyncIterator<unknown> {
  // From JavaScript anything may come.
  const given: Partial<AsyncIterable<unknown> & Iterable<unknown>> = Object(pairs);
  const iterator = given[Symbol.asyncIterator]?.() ?? given[Symbol.iterator]?.();
  if (iterator !== undefined && typeof pairs !== 'string') return iterator;
  throw new TallygateError(
    'invalid_configuration',
    'collectStorage: expected pairs of a tenant and its bytes: an array, a Map, or something that is iterated, async or not',
  );
}

/** `promise`, or the signal's reason. Listens only as long as it waits: a run waits for each of its pairs. */
function beforeAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

const lostClaim = (): TallygateError =>
  new TallygateError('closed', 'Another process has taken over the collection of storage, as this one took too long.');
