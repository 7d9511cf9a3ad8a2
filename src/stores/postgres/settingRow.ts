// The row of `tenant` as a setting. Only what we wrote ourselves is in its JSON; the shape is not checked again.
import { EMPTY_SETTING, type StoredSetting } from '../../core/quota/setting.js';
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
  limits: new Map(Object.entries(JSON.parse(textOf(row, 'limits')) as Record<string, number | 'unlimited'>)),
  version: wholeOf(row, 'version'),
});

/** The parameters of writeSetting.sql. */
export const settingColumns = (setting: TenantSetting): unknown[] => [
  setting.tenantId,
  setting.plan ?? null,
  JSON.stringify(Object.fromEntries(setting.limits)),
  setting.timeZone ?? null,
  setting.billingAnchorDay ?? null,
  JSON.stringify(setting.earlierCalendars),
  setting.version,
];
