// What one request costs: units of the quota's own, and amounts of meters that the team declared for itself.
import { saturatingSum } from './counter.js';
/** An amount of one of the team's own meters. */
export interface MeterCost {
  readonly meter: string;
  /** Whole, from 1 to 2^53-1. */
  readonly units: number;
}

/** The costs of a request that has none but its own units. */
export const NO_METER_COSTS: readonly MeterCost[] = [];

/** What one request costs. */
export interface RequestCost {
  /** Own units: whole, from 0 to 2^53-1. */
  readonly cost: number;
  /** One entry a meter at most. */
  readonly meterCosts: readonly MeterCost[];
}

/** A cost in own units alone. */
export const ownUnits = (cost: number): RequestCost => ({ cost, meterCosts: NO_METER_COSTS });

/** Nothing at all. */
export const NO_COST: RequestCost = { cost: 0, meterCosts: NO_METER_COSTS };

/** What a request costs under a limit. @param meter the limit's; undefined: own units */
export const costUnder = ({ cost, meterCosts }: RequestCost, meter: string | undefined): number =>
  meter === undefined ? cost : costIn(meterCosts, meter);

/** Whether a request only looks. */
export const isLook = ({ cost, meterCosts }: RequestCost): boolean => cost === 0 && meterCosts.length === 0;

/** The cost in one meter; 0 where the request has none in it. */
export const costIn = (meterCosts: readonly MeterCost[], meter: string): number =>
  meterCosts.find((one) => one.meter === meter)?.units ?? 0;

/** The costs of one request as a counter store is sent them: own units, then those in `meters`, in their order. */
export const costRow = ({ cost, meterCosts }: RequestCost, meters: readonly string[] | undefined): readonly number[] =>
  meters === undefined ? [cost] : [cost, ...meters.map((meter) => costIn(meterCosts, meter))];

/** The costs in meters of one request, as {@link costRow} made them. */
export const meterCostsOf = (row: readonly number[], meters: readonly string[]): readonly MeterCost[] =>
  meters.map((meter, index) => ({ meter, units: row[index + 1] ?? 0 })).filter(({ units }) => units > 0);

/** Whether both lists are the same amounts, in whatever order. */
export const isSameCost = (one: readonly MeterCost[], other: readonly MeterCost[]): boolean =>
  one.length === other.length && one.every(({ meter, units }) => costIn(other, meter) === units);

/** Both added up. */
export function addedCost(one: RequestCost, other: RequestCost): RequestCost {
  const cost = saturatingSum(one.cost, other.cost);
  if (one.meterCosts.length === 0) return { cost, meterCosts: other.meterCosts };
  const sums = new Map(one.meterCosts.map(({ meter, units }) => [meter, units]));
  for (const { meter, units } of other.meterCosts) sums.set(meter, saturatingSum(sums.get(meter) ?? 0, units));
  return { cost, meterCosts: [...sums].map(([meter, units]) => ({ meter, units })) };
}
