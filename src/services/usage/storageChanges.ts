// Changes of what a tenant stores, for apps that know what they wrote and not what there is: each booked once by the caller's key.
import { invalidRequest, TallygateError } from '../../core/errors.js';
import { MAX_COUNT } from '../../core/quota/limit.js';
import { isWithinReach } from '../../core/usage/reach.js';
import type { Clock } from '../../ports/clock.js';
import type { UsageBookings } from '../../ports/usageBookings.js';
import { bookingKey } from './bookingKey.js';

/** What it needs. */
export interface StorageChangesParts {
  readonly bookings: Pick<UsageBookings, 'addStorage'>;
  /** `USAGE_METER_ENABLED`. */
  readonly metering: boolean;
  readonly clock: Clock;
}

/** A change as it is asked for. */
export interface StorageChangeRequest {
  /** Bytes, signed. */
  readonly add: number;
  /** When, in milliseconds since 1970; undefined: when it is received. */
  readonly atMs: number | undefined;
  readonly idempotencyKey: string;
}

/** See the head of this file. */
export class StorageChanges {
  readonly #parts: StorageChangesParts;

  constructor(parts: StorageChangesParts) {
    this.#parts = parts;
  }

  /**
   * Books a change; the same key again answers as the first did. Resolves to when the change holds from.
   * @throws TallygateError `invalid_request` located at `add` or `at`, `idempotency_conflict` where the key was used for another change,
   * `not_supported` where nothing is metered, `ledger_unavailable` (perhaps booked: ask again under the same key), `migrations_pending`
   */
  async add(tenantId: string, { add, atMs, idempotencyKey }: StorageChangeRequest): Promise<number> {
    const { bookings, metering, clock } = this.#parts;
    if (!metering) {
      throw new TallygateError('not_supported', 'Nothing is metered here: USAGE_METER_ENABLED is false.');
    }
    const nowMs = clock.wallMs();
    const faults = [];
    if (!Number.isSafeInteger(add)) {
      faults.push({ location: 'add', message: `expected whole bytes from -${MAX_COUNT} to ${MAX_COUNT}, got ${add}` });
    }
    if (!isWithinReach(atMs ?? nowMs, nowMs)) {
      faults.push({ location: 'at', message: 'expected a time at most 35 days back and at most 5 minutes ahead' });
    }
    if (faults.length > 0) throw invalidRequest(faults);
    const outcome = await bookings.addStorage({
      tenantId,
      key: bookingKey('storage', idempotencyKey),
      // Without a time as it was asked for: a repeat comes later, and is the same.
      content: bookingKey(String(add), String(atMs)),
      atMs: atMs ?? nowMs,
      bytes: add,
    });
    if (outcome.outcome !== 'conflict') return outcome.atMs;
    throw new TallygateError('idempotency_conflict', 'Another change was booked under this key: it stands.');
  }
}
