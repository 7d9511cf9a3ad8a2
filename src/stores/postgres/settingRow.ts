// The row of `tenant` as a setting. Only what we wrote ourselves is in its JSON; the shape is not checked again.
import { EMPTY_SETTING, type LimitOverride, type StoredSetting } from '../../core/quota/setting.js';
import type { EarlierCalendar } from '../../core/time/calendar.js';
import type { TenantSetting } from '../../ports/tenantDirectory.js';
import { optionalTextOf, optionalWholeOf, type Row, textOf, wholeOf } from './columns.js';

/** The parts of a row that make a calendar, as a setting that holds nothing else; of a tenant without a row too. */
export const calendarSettingOf = (row: Row): StoredSetting => ({
  ...EMPTY_SETTING,
  timeZone: optionalTextOf(row, 'time_zone'),
  billingAnchorDay: optionalWholeOf(row, 'billing_anchor_day'),
  earlierCalendars: JSON.parse(optionalTextOf(row, 'earlier_calendars') ?? '[]') as EarlierCalendar[],
});

/** A whole row. */
export const tenantSettingOf = (row: Row): TenantSetting => ({
  ...calendarSettingOf(row),
  tenantId: textOf(row, 'tenant_id'),
  plan: optionalTextOf(row, 'plan'),
  limits: overridesOf(row),
  resetNumber: wholeOf(row, 'reset_number'),
  version: wholeOf(row, 'version'),
});

/** The parameters of writeSetting.sql. */
export const settingColumns = (setting: Omit<TenantSetting, 'resetNumber'>): unknown[] => [
  setting.tenantId,
  setting.plan ?? null,
  JSON.stringify(Object.fromEntries([...setting.limits].map(([name, { limit }]) => [name, limit]))),
  setting.timeZone ?? null,
  setting.billingAnchorDay ?? null,
  JSON.stringify(setting.earlierCalendars),
  setting.version,
  JSON.stringify(endsOf(setting.limits)),
];

type Ends = Readonly<Record<string, { readonly limit: number | 'unlimited'; readonly until: number }>>;

const endsOf = (overrides: ReadonlyMap<string, LimitOverride>): Ends =>
  Object.fromEntries(
    [...overrides].flatMap(([name, { limit, untilMs }]) =>
      untilMs === undefined ? [] : [[name, { limit, until: untilMs }]],
    ),
  );

/** A version before this one changes an override and knows nothing of its end: one that was given to another number is over. */
function overridesOf(row: Row): ReadonlyMap<string, LimitOverride> {
  const limits = JSON.parse(textOf(row, 'limits')) as Record<string, number | 'unlimited'>;
  const ends = new Map(Object.entries(JSON.parse(textOf(row, 'limit_ends')) as Ends));
  return new Map(
    Object.entries(limits).map(([name, limit]): [string, LimitOverride] => {
      const end = ends.get(name);
      return [name, { limit, untilMs: end?.limit === limit ? end.until : undefined }];
    }),
  );
}
