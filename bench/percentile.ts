// A value that so many percent of what was measured do not exceed.

/** By the nearest rank; NaN of none. `percent` is above 0, up to 100. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}
