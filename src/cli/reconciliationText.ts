// What was reconciled, for people: one line a window, one a day that is wrong, and who may have more.
import type { CommandProducer, CommandReconciliation, CommandReconciliationSummary } from './installation.js';

export function reconciliationText({ tenantId, windows, days }: CommandReconciliation): string {
  const lines = [...windows.map(windowText), ...days.map(dayText)];
  return (lines.length === 0 ? ['nothing to compare'] : lines).map((text) => `${tenantId}  ${text}\n`).join('');
}

export function summaryText(
  { tenants, notFlushed, pendingUnknown }: CommandReconciliationSummary,
  unexplained: number,
): string {
  const perhaps = notFlushed.map(
    (one) => `${nameOf(one)} lives and has not brought all that it has: ${flushedText(one)}; a rest may wait there`,
  );
  const unknown = pendingUnknown.map((one) => {
    const where = one.hasJournal ? 'its journal is elsewhere' : 'it kept no journal';
    return `${nameOf(one)} was last seen ${at(one.lastSeenAtMs)}: pending unknown, ${where}`;
  });
  const found = `${tenants} tenants, unexplained of ${unexplained}`;
  return [...perhaps, ...unknown, found].map((text) => `${text}\n`).join('');
}

function windowText(window: CommandReconciliation['windows'][number]): string {
  const { name, start, used, held, ledger, pending, unconfirmed, rest, between, isMoving } = window;
  const waiting = pending.map(({ producerId, units }) => ` + ${units} pending of ${producerId}`).join('');
  const perhaps = unconfirmed === 0 ? '' : `, ${unconfirmed} unconfirmed`;
  const moves = isMoving ? ', still moving' : '';
  const range = between.least === between.most ? '' : ` (${between.least} to ${between.most}${moves})`;
  return `${name} from ${start}: used ${used} = ledger ${ledger}${waiting} + held ${held}${perhaps}, unexplained ${rest}${range}`;
}

function dayText({ usageDate, figure, meter, recorded, counted }: CommandReconciliation['days'][number]): string {
  const texts: Readonly<Record<typeof figure, string>> = {
    active_users: `${recorded} active users, but rows of ${counted}`,
    meter: `${recorded} of the meter ${meter}, but the quota admitted ${counted}`,
    storage: `storage of ${recorded} bytes, but its points come to ${counted}`,
    closed_api_calls: `${recorded} API calls, but ${counted} when the month was closed`,
    closed_active_users: `${recorded} active users, but ${counted} when the month was closed`,
  };
  return `${usageDate}: ${texts[figure]}`;
}

const nameOf = ({ host, pid, producerId }: CommandProducer): string => `process ${pid} on ${host} (${producerId})`;

function flushedText({ flushedUntilMs }: CommandProducer): string {
  if (flushedUntilMs === undefined) return 'its version does not say up to when it has';
  return flushedUntilMs === 0 ? 'nothing yet' : `up to ${at(flushedUntilMs)}`;
}

const at = (instantMs: number): string => new Date(instantMs).toISOString();
