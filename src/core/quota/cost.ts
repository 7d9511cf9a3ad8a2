// What one request costs: units of the quota's own, and amounts of meters that the team declared for itself.
/** An amount of one of the team's own meters. */
export interface MeterCost {
  readonly meter: string;
  /** Whole, from 1 to 2^53-1. */
  readonly units: number;
}

/** The costs of a request that has none but its own units. */
export const NO_METER_COSTS: readonly MeterCost[] = [];

/** The cost in one meter; 0 where the request has none in it. */
export const costIn = (meterCosts: readonly MeterCost[], meter: string): number =>
  meterCosts.find((one) => one.meter === meter)?.units ?? 0;

/** The costs of one request as a counter store is sent them: own units, then those in `meters`, in their order. */
export const costRow = (
  cost: number,
  meterCosts: readonly MeterCost[],
  meters: readonly string[] | undefined,
): readonly number[] => (meters === undefined ? [cost] : [cost, ...meters.map((meter) => costIn(meterCosts, meter))]);

/** The costs in meters of one request, as {@link costRow} made them. */
export const meterCostsOf = (row: readonly number[], meters: readonly string[]): readonly MeterCost[] =>
  meters.map((meter, index) => ({ meter, units: row[index + 1] ?? 0 })).filter(({ units }) => units > 0);

/** Whether both lists are the same amounts, in whatever order. */
export const isSameCost = (one: readonly MeterCost[], other: readonly MeterCost[]): boolean =>
  one.length === other.length && one.every(({ meter, units }) => costIn(other, meter) === units);
