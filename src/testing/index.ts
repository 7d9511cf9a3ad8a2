// `tallygate/testing`: for the tests of an app, and for those who write a store of their own.
export type { ChargeReply } from '../core/quota/chargeReply.js';
export type { ChargeRequest, ChargeWindow } from '../core/quota/chargeRequest.js';
export type { CounterStore } from '../ports/counterStore.js';
export type { UsageBookings } from '../ports/usageBookings.js';
export type { UsageLedger } from '../ports/usageLedger.js';
export type { CounterStoreCase, MakeCounterStore } from './counterStoreCase.js';
export { counterStoreCases } from './counterStoreCases.js';
export { setClock } from './setClock.js';
export type { BookingStores, MakeBookingStores, UsageBookingCase } from './usageBookingCase.js';
export { usageBookingCases } from './usageBookingCases.js';
export type { MakeUsageLedger, UsageLedgerCase } from './usageLedgerCase.js';
export { usageLedgerCases } from './usageLedgerCases.js';
