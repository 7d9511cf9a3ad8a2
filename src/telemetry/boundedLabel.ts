// Label values that come from outside, bounded: each new value is a series that a metrics server keeps for weeks.

/** What further values are called. A value that is really named so shares its series. */
export const OTHER = 'other';

/** A function that lets the first `most` different values pass and calls the rest `other`. Who is known stays known. */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return OTHER;
    known.add(value);
    return value;
  };
}
