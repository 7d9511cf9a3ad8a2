// The options of one mount, checked when it is made: a misspelt `cost` would charge 1 for ever, a `skip` that is no function
// would fail each request.
import { configurationFault } from '../http/faults.js';

/** What each option may be, by name, as `typeof` says it. */
type Known<Options> = {
  readonly [Name in keyof Required<Options>]: readonly ('function' | 'boolean' | 'number' | 'object')[];
};

/**
 * Checks names and types; an option that is undefined was left out.
 * @throws TallygateError `invalid_configuration` with every fault
 */
export function checkMountOptions<Options extends object>(
  middleware: string,
  options: Options,
  known: Known<Options>,
): void {
  // From JavaScript anything may come.
  const given: unknown = options;
  if (typeof given !== 'object' || given === null)
    throw configurationFault([
      { location: middleware, message: `expected an object of options, got ${String(given)}` },
    ]);
  const types = new Map<string, readonly string[]>(Object.entries(known));
  const faults = Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    if (value === undefined) return [];
    const location = `${middleware}.${name}`;
    const expected = types.get(name);
    if (expected === undefined)
      return [{ location, message: `expected one of the options ${[...types.keys()].join(', ')}` }];
    if (value !== null && expected.includes(typeof value)) return [];
    return [
      { location, message: `expected a ${expected.join(' or a ')}, got ${value === null ? 'null' : typeof value}` },
    ];
  });
  if (faults.length > 0) throw configurationFault(faults);
}
