import { expect, test } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import { postgresFault } from './postgresFault.js';

test.each([
  ['22003', 'ledger_refused'],
  ['23514', 'ledger_refused'],
  ['54000', 'ledger_refused'],
  ['42P01', 'migrations_pending'],
  ['3F000', 'migrations_pending'],
  ['42703', 'migrations_pending'],
  ['40001', 'ledger_unavailable'],
  ['40P01', 'ledger_unavailable'],
  ['57P01', 'ledger_unavailable'],
  ['25006', 'ledger_unavailable'],
  ['42501', 'ledger_unavailable'],
  ['ECONNREFUSED', 'ledger_unavailable'],
  [undefined, 'ledger_unavailable'],
  [22003, 'ledger_unavailable'],
] as const)('%s is %s', (code, expected) => {
  const cause = Object.assign(new Error('said'), { code });
  const fault = postgresFault(cause);
  expect(fault).toMatchObject({ code: expected, cause });
  expect(fault.message).toContain('said');
});

test('what is no error at all is an outage; what is ours already stays', () => {
  expect(postgresFault('odd')).toMatchObject({ code: 'ledger_unavailable' });
  expect(postgresFault(undefined)).toMatchObject({ code: 'ledger_unavailable' });
  const ours = new TallygateError('tenant_not_found', 'no');
  expect(postgresFault(ours)).toBe(ours);
});
