// An oracle for changes of zone and anchor, which shares nothing with the calendar: Intl's text every quarter of an hour, and the
// rule of the README read literally, change after change.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDays, type CalendarSetting, type CalendarUnit, periodAt, type TenantCalendar } from './calendar.js';

const UNITS: readonly CalendarUnit[] = ['day', 'week', 'month'];
const STEP = 900_000;
const BEGIN = Date.UTC(2011, 9, 20);
const STEPS = 96 * 180;
const ZONES = [
  'UTC',
  'Pacific/Apia',
  'Pacific/Auckland',
  'America/New_York',
  'Asia/Kathmandu',
  'Etc/GMT+12',
  'America/Sao_Paulo',
];
const shownDates = new Map(ZONES.map((zone) => [zone, shownEveryStep(zone)]));

function shownEveryStep(timeZone: string): string[] {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return Array.from({ length: STEPS }, (_, step) => format.format(BEGIN + step * STEP));
}

/** The Monday of a date's week, or the date on which its billing month begins; the month of the latter is its label. */
function labelText(unit: CalendarUnit, date: string, anchor: number): string {
  if (unit === 'day') return date;
  const begins = (day: string): boolean => {
    const [year, month, number] = day.split('-').map(Number) as [number, number, number];
    if (unit === 'week') return new Date(`${day}T12:00Z`).getUTCDay() === 1;
    return number === Math.min(anchor, new Date(Date.UTC(year, month, 0)).getUTCDate());
  };
  let first = date;
  while (!begins(first)) first = addDays(first, -1);
  return unit === 'week' ? first : first.slice(0, 7);
}

type Walk = Record<CalendarUnit, { label: string; from: number }[]>;

/** The starts of all periods, in steps: those of the calendar before the change, then those that the rule allows. */
function walk(calendar: TenantCalendar): Walk {
  const change = calendar.earlier.at(-1);
  const shown = shownDates.get(calendar.timeZone) as string[];
  const before = change && walk({ ...change, earlier: calendar.earlier.slice(0, -1) });
  const result: Walk = { day: [], week: [], month: [] };
  for (const unit of UNITS) {
    let oldEnd = 0;
    if (change !== undefined && before !== undefined) {
      const changeStep = (change.until - BEGIN) / STEP;
      result[unit] = before[unit].filter((one) => one.from <= changeStep);
      oldEnd = before[unit].find((one) => one.from > changeStep)?.from ?? STEPS;
    }
    // A date can only begin where the text changes, or at once where it had to wait for the old end.
    const turns = [oldEnd, ...shown.keys()].filter((step) => step === oldEnd || shown[step] !== shown[step - 1]);
    const candidates = unit === 'day' ? turns : result.day.map((day) => day.from);
    for (const step of candidates.filter((one) => one >= oldEnd && one < STEPS)) {
      const label = labelText(unit, shown[step] as string, calendar.billingAnchorDay);
      if (label > (result[unit].at(-1)?.label ?? '')) result[unit].push({ label, from: step });
    }
  }
  return result;
}

test('the starts are those of the rule, walked through step by step', () => {
  const setting = fc.record({
    timeZone: fc.constantFrom(...ZONES),
    billingAnchorDay: fc.constantFrom(1, 15, 16, 29, 30, 31),
  });
  const changeSteps = fc.array(fc.integer({ min: 96 * 40, max: 96 * 90 }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(setting, { minLength: 4, maxLength: 4 }), changeSteps, (settings, unsorted) => {
      const steps = [...unsorted].sort((a, b) => a - b);
      const [present, ...past] = settings.slice(0, steps.length + 1).reverse();
      const earlier = past.reverse().map((one, index) => ({ ...one, until: BEGIN + (steps[index] as number) * STEP }));
      const calendar: TenantCalendar = { ...(present as CalendarSetting), earlier };
      const walked = walk(calendar);
      for (const unit of UNITS) {
        // The first entry is the period that was running when the walk began.
        const starts = walked[unit].slice(1).map((one) => BEGIN + one.from * STEP);
        expect(starts.map((start) => periodAt(unit, start, calendar).start)).toEqual(starts);
        expect(starts.map((start) => periodAt(unit, start - 1, calendar).end)).toEqual(starts);
        expect(starts.slice(1).map((start) => periodAt(unit, start - 1, calendar).start)).toEqual(starts.slice(0, -1));
      }
    }),
    { numRuns: 40 },
  );
});
