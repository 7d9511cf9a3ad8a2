// The attributes of a CloudEvent 1.0, and what is wrong with them: names, types and forms as the specification has them, and the
// lengths that can be kept here.
import { userIdFault } from '../core/tenantId.js';
import { parseInstant } from '../core/time/calendar.js';
import type { Fault } from './faults.js';
import { shown } from './requestInput.js';

/** Attributes by name, of any type yet. Absent and undefined are the same. */
export type Attributes = Readonly<Record<string, unknown>>;

const REQUIRED: readonly string[] = ['specversion', 'id', 'source', 'type'];

/** Why an attribute's value does not fit, by its name; for a value that is there. */
const CHECKS: Readonly<Record<string, (value: string) => string | undefined>> = {
  specversion: (value) => (value === '1.0' ? undefined : `expected "1.0", got ${shown(value)}`),
  // As long as a user's id: up to 512 characters.
  id: userIdFault,
  source: (value) => userIdFault(value) ?? (URI_REFERENCE.test(value) ? undefined : NO_URI_REFERENCE),
  type: userIdFault,
  subject: (value) => (value === '' ? 'expected a text that is not empty' : undefined),
  time: (value) =>
    eventTimeMs(value) === undefined ? `expected an instant of RFC 3339, got ${shown(value)}` : undefined,
  datacontenttype: (value) => (MEDIA_TYPE.test(value) ? undefined : `expected a media type, got ${shown(value)}`),
  dataschema: (value) =>
    SCHEME.test(value) && URI_REFERENCE.test(value) ? undefined : `expected a URI with its scheme, got ${shown(value)}`,
};

// No blanks, none of the characters that RFC 3986 has no place for, and percent signs only before two hex digits. Letters beyond
// ASCII pass, as in an IRI: here a source is compared, and never fetched.
const URI_REFERENCE = /^(?:[^\s"<>\\^`{|}%]|%[0-9a-f]{2})+$/i;
const NO_URI_REFERENCE = 'expected a URI reference, without blanks';
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const TOKEN = "[a-z0-9!#$%&'*+.^_`|~-]+";
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}\\s*(?:;.*)?$`, 'i');
const NAME = /^[a-z0-9]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what the specification's String must not hold
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** All that is wrong with the attributes of one event, each at its own name. */
export function attributeFaults(attributes: Attributes): Fault[] {
  const missing = REQUIRED.filter((name) => attributes[name] === undefined);
  const faults = missing.map((name) => ({ location: name, message: 'expected a value, got nothing' }));
  for (const [name, value] of Object.entries(attributes)) {
    const message = value === undefined ? undefined : attributeFault(name, value);
    if (message !== undefined) faults.push({ location: name.slice(0, 80), message });
  }
  return faults;
}

function attributeFault(name: string, value: unknown): string | undefined {
  if (!NAME.test(name)) return 'expected a name of lower-case letters and digits';
  if (typeof value === 'string') {
    if (CONTROL.test(value) || !value.isWellFormed())
      return 'expected text without control characters and lone surrogates';
    return Object.hasOwn(CHECKS, name) ? CHECKS[name]?.(value) : undefined;
  }
  if (Object.hasOwn(CHECKS, name)) return `expected a text, got ${shown(value)}`;
  // An extension may be a number or a boolean too, but no fraction and no structure.
  const isExtension = typeof value === 'boolean' || (Number.isInteger(value) && Number(value) === (Number(value) | 0));
  return isExtension ? undefined : `expected a text, a boolean or a 32-bit integer, got ${shown(value)}`;
}

/** The instant of a `time` attribute in milliseconds since 1970; undefined where it is none. */
export function eventTimeMs(text: string): number | undefined {
  // RFC 3339 demands the seconds, allows small letters and any number of digits behind them; ISO 8601 as elsewhere here does not.
  const [, date, fraction = '', offset] = /^(.{10}t\d{2}:\d{2}:\d{2})(\.\d+)?(z|[+-].{5})$/i.exec(text) ?? [];
  if (date === undefined || offset === undefined) return undefined;
  return parseInstant(`${date}${fraction.slice(0, 10)}${offset}`.toUpperCase());
}
