// Rows of a batch as the text in which they lie in the quarantine, and back. It was written by whichever version of us met it.
import { TallygateError } from '../../core/errors.js';
import type { QuarantinedRow, QuarantineKind } from '../../ports/ledgerUpkeep.js';
import {
  type ActiveUserRow,
  type CallRow,
  type ChargeRow,
  type CommitRow,
  type KeyedRow,
  type LevelPointRow,
  type MeterRow,
  NO_SUMS,
  type StoragePointRow,
  type UsageSums,
} from '../../ports/usageLedger.js';

/** As JSON in ASCII: a NUL or half a character is what may have been refused. Bytes are shown in hex. */
export function inAscii(value: unknown): string {
  const shown = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && 'type' in part && part.type === 'Buffer' && 'data' in part
      ? Buffer.from(part.data as number[]).toString('hex')
      : part,
  );
  return shown.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * @throws TallygateError `ledger_refused` where the content lacks something, as where a number was none and JSON made it null, and where
 * this version does not know the kind: a newer one put the row aside
 */
export function sumsOfQuarantined({ kind, content }: Pick<QuarantinedRow, 'kind' | 'content'>): UsageSums {
  if (!isKnownKind(kind)) throw refused(`a row of the kind "${kind}", which this version does not know`);
  const fields = new Fields(JSON.parse(content) as Readonly<Record<string, unknown>>);
  return { ...NO_SUMS, ...SUMS_OF[kind](fields, fields.text('tenantId')) };
}

const isKnownKind = (kind: string): kind is QuarantineKind => Object.hasOwn(SUMS_OF, kind);

const SUMS_OF: Readonly<Record<QuarantineKind, (fields: Fields, tenantId: string) => Partial<UsageSums>>> = {
  call: (fields, tenantId) => ({ calls: [callOf(fields, tenantId)] }),
  charge: (fields, tenantId) => ({ charges: [chargeOf(fields, tenantId)] }),
  user: (fields, tenantId) => ({ users: [userOf(fields, tenantId)] }),
  storage: (fields, tenantId) => ({ storage: [pointOf(fields, tenantId)] }),
  commit: (fields, tenantId) => ({ commits: [commitOf(fields, tenantId)] }),
  meter: (fields, tenantId) => ({ meters: [meterOf(fields, tenantId)] }),
  level: (fields, tenantId) => ({ levels: [{ ...pointOf(fields, tenantId), meter: fields.text('meter') }] }),
  keyed: (fields, tenantId) => ({ keyed: [keyedOf(fields, tenantId)] }),
};

const callOf = (fields: Fields, tenantId: string): CallRow => ({
  ...{ tenantId, usageDate: fields.text('usageDate') },
  apiCalls: fields.number('apiCalls'),
});

const chargeOf = (fields: Fields, tenantId: string): ChargeRow => ({
  ...{ tenantId, usageDate: fields.text('usageDate'), meter: fields.text('meter') },
  resetNumber: fields.number('resetNumber'),
  units: fields.number('units'),
  denied: fields.number('denied'),
  unconfirmed: fields.number('unconfirmed'),
  overage: fields.number('overage'),
});

const userOf = (fields: Fields, tenantId: string): ActiveUserRow => ({
  ...{ tenantId, month: fields.text('month') },
  userHash: fields.bytes('userHash'),
  dayMask: fields.number('dayMask'),
});

const pointOf = (fields: Fields, tenantId: string): StoragePointRow & Omit<LevelPointRow, 'meter'> => ({
  ...{ tenantId, id: fields.text('id') },
  atSeconds: fields.number('atSeconds'),
  bytes: fields.number('bytes'),
});

const meterOf = (fields: Fields, tenantId: string): MeterRow => ({
  ...{ tenantId, usageDate: fields.text('usageDate'), meter: fields.text('meter') },
  amount: fields.number('amount'),
});

function keyedOf(fields: Fields, tenantId: string): KeyedRow {
  const level = fields.inner('level');
  return {
    ...{ ...meterOf(fields, tenantId), apiCalls: fields.number('apiCalls'), key: fields.bytes('key') },
    level: level === undefined ? undefined : pointOf(level, tenantId),
  };
}

const commitOf = (fields: Fields, tenantId: string): CommitRow => ({
  ...{ tenantId, usageDate: fields.text('usageDate'), meter: fields.text('meter') },
  resetNumber: fields.number('resetNumber'),
  units: fields.number('units'),
  // A version before did not write them.
  apiCalls: fields.optionalNumber('apiCalls'),
  overage: fields.optionalNumber('overage'),
  key: fields.bytes('key'),
});

/** The content by field, each as what it must be. */
class Fields {
  readonly #content: Readonly<Record<string, unknown>>;

  constructor(content: Readonly<Record<string, unknown>>) {
    this.#content = content;
  }

  /** The fields of a field; undefined where the row has none. */
  inner(name: string): Fields | undefined {
    const value = this.#content[name];
    return typeof value === 'object' && value !== null
      ? new Fields(value as Readonly<Record<string, unknown>>)
      : undefined;
  }

  text(name: string): string {
    const value = this.#content[name];
    if (typeof value === 'string') return value;
    throw refused(`no text in the row's ${name}`);
  }

  number(name: string): number {
    const value = this.#content[name];
    if (typeof value === 'number') return value;
    throw refused(`no number in the row's ${name}`);
  }

  /** undefined where the row has none. */
  optionalNumber(name: string): number | undefined {
    return Object.hasOwn(this.#content, name) ? this.number(name) : undefined;
  }

  bytes(name: string): Buffer {
    return Buffer.from(this.text(name), 'hex');
  }
}

const refused = (what: string): TallygateError => new TallygateError('ledger_refused', `There is ${what}.`);
