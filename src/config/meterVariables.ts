// USAGE_METERS: the meters of the team's own, as one variable.
import { type Meter, type Meters, meterFaults } from '../core/meter.js';
import type { EnvironmentReader } from './environment.js';

const NAME = 'USAGE_METERS';
const EXPECTED = 'meters as name:kind:unit, with commas between them, such as tokens:counter:token,seats:level:seat';

/** None where the variable is unset or at fault. */
export function readMeters(reader: EnvironmentReader): Meters {
  const text = reader.text(NAME);
  if (text === undefined) return new Map();
  const meters = new Map<string, Meter>();
  for (const entry of text.split(',')) {
    const [name = '', kind, unit, ...rest] = entry.split(':').map((part) => part.trim());
    if (unit === undefined || rest.length > 0) {
      reader.expected(NAME, EXPECTED, entry);
      continue;
    }
    if (meters.has(name)) reader.expected(NAME, 'each meter once', name);
    // What kinds there are, and what a unit may be, is judged below, in the one place that knows.
    meters.set(name, { kind: kind as Meter['kind'], unit });
  }
  const faults = meterFaults(Object.fromEntries(meters));
  for (const { location, message } of faults) {
    reader.fault(NAME, `${location.replace(/^meters\.?/, '')}: ${message}`.replace(/^: /, ''));
  }
  return faults.length === 0 ? meters : new Map();
}
