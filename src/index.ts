// The public names of `tallygate`.

export type { Id } from './composition/callerInput.js';
export type { FlushMode, TallygateOptions } from './composition/options.js';
export type { QuotaCalls, Reservation, ReservationOptions } from './composition/quotaCalls.js';
export type {
  CollectionRunContext,
  CollectStorage,
  StorageCollectionOption,
  StoragePair,
  StoragePairs,
} from './composition/storageCollection.js';
export type { StorageTable, TableStorageOptions } from './composition/sumTableStorage.js';
export type { UsageCalls, UsageIncrements } from './composition/usageCalls.js';
export { type ErrorCode, type Fault, TallygateError } from './core/errors.js';
export type { Meter, MeterKind } from './core/meter.js';
export type { Decision, DecisionLabel, DecisionOutcome, LimitState, ThresholdCrossing } from './core/quota/decision.js';
export type {
  EffectiveLimit,
  Enforcement,
  Limit,
  LimitSource,
  LimitWindow,
  SlidingSpan,
  WindowUnit,
} from './core/quota/limit.js';
export type { Completeness, UsageReportGap } from './core/usage/completeness.js';
export type { LevelFigures, MeterFigures, ReportedMeter } from './core/usage/reportedMeters.js';
export type { UsagePeriod } from './core/usage/usagePeriod.js';
export type { UsageFigures, UsageReport, UsageReportDay } from './core/usage/usageReport.js';
export type { CostTable } from './http/costTable.js';
export type { Handler, Next } from './http/handler.js';
export type { OfRequest, RequestState, ResolvableRequest, TenantRules } from './http/tenantOf.js';
export type { TenantQuotaOptions } from './middleware/tenantQuota.js';
export type { UsageMeterOptions } from './middleware/usageMeter.js';
export type { AdminRoutesOptions } from './routes/adminRoutes.js';
export type { ReservationOutcome } from './services/admission/reservations.js';
export type { ResolvePlan } from './services/usage/planResolver.js';
export { createTallygate, sumTableStorage, type Tallygate } from './tallygate.js';
export type {
  DeniedEvent,
  EventLimit,
  Listener,
  StoreDownEvent,
  StoreUpEvent,
  TallygateEvents,
  ThresholdEvent,
} from './telemetry/events.js';
