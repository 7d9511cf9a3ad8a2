// CloudEvents 1.0 over HTTP: one event from JSON (structured and batch mode) or from headers and body (binary mode).
import { type Attributes, attributeFaults } from './cloudEventAttributes.js';
import { type Fault, TallygateError } from './faults.js';
import { parsedJson } from './jsonBody.js';
import { shown } from './requestInput.js';

/** An event whose attributes are those of the specification. */
export interface CloudEvent {
  readonly attributes: Attributes;
  /** Its payload as JSON's value; undefined where it has none. */
  readonly data: unknown;
}

/** An event, or all that is wrong with it: in both cases its id, as far as it can be shown. */
export type ReadEvent =
  | { readonly event: CloudEvent; readonly id: string; readonly faults?: never }
  | { readonly faults: readonly Fault[]; readonly id: string | undefined; readonly event?: never };

/** One event of the JSON format. Faults are located at the members' names. */
export function structuredEvent(json: unknown): ReadEvent {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return refused(undefined, [{ location: '', message: `expected a JSON object, got ${shown(json)}` }]);
  }
  // A member that is null is one that is not there.
  const members: Attributes = Object.fromEntries(
    Object.entries(json).map(([name, value]): [string, unknown] => [name, value ?? undefined]),
  );
  const { data, data_base64: encoded, ...attributes } = members;
  const faults = attributeFaults(attributes);
  if (data !== undefined && encoded !== undefined) {
    faults.push({ location: 'data_base64', message: 'expected data or data_base64, got both' });
  }
  if (faults.length > 0) return refused(attributes.id, faults);
  if (encoded === undefined) return read({ attributes, data });
  return withPayload(attributes, 'data_base64', () => base64Of(encoded));
}

/** Headers by name in small letters, with all their values; as Node's `headersDistinct`. */
export type DistinctHeaders = Readonly<Record<string, readonly string[] | undefined>>;

const PREFIX = 'ce-';

/** Whether headers are those of an event in binary mode. */
export const isBinaryMode = (headers: DistinctHeaders): boolean =>
  Object.keys(headers).some((name) => name.startsWith(PREFIX));

/** One event in binary mode. Faults are located at the headers' names. */
export function binaryEvent(headers: DistinctHeaders, body: Buffer): ReadEvent {
  const named: [name: string, value: string][] = [];
  const faults: Fault[] = [];
  for (const [header, values = []] of Object.entries(headers)) {
    if (!header.startsWith(PREFIX)) continue;
    const value = values.length === 1 ? percentDecoded(values[0] ?? '') : undefined;
    if (value !== undefined) named.push([header.slice(PREFIX.length), value]);
    else faults.push({ location: header.slice(PREFIX.length), message: 'expected one value in percent-encoded UTF-8' });
  }
  const [contentType] = headers['content-type'] ?? [];
  const attributes = Object.fromEntries(
    contentType === undefined ? named : [...named, ['datacontenttype', contentType]],
  );
  // What was not read is not also missing.
  const unread = new Set(faults.map((fault) => fault.location));
  faults.push(...attributeFaults(attributes).filter((fault) => !unread.has(fault.location)));
  if (faults.length > 0) return refused(attributes.id, faults);
  return body.length === 0 ? read({ attributes, data: undefined }) : withPayload(attributes, 'data', () => body);
}

const read = (event: CloudEvent): ReadEvent => ({ event, id: String(event.attributes.id) });

const MOST_SHOWN = 512;

const refused = (id: unknown, faults: readonly Fault[]): ReadEvent => ({
  faults,
  id: typeof id === 'string' && id.length <= MOST_SHOWN ? id : undefined,
});

const JSON_MEDIA_TYPE = /^[^;]*[/+]json\s*(?:;.*)?$/i;

/** The event with bytes as its payload: JSON, unless they are declared to be something else. */
function withPayload(attributes: Attributes, location: string, bytesOf: () => Buffer | undefined): ReadEvent {
  const bytes = bytesOf();
  if (bytes === undefined) return refused(attributes.id, [{ location, message: 'expected base64' }]);
  if (!JSON_MEDIA_TYPE.test(String(attributes.datacontenttype ?? 'application/json'))) {
    return read({ attributes, data: bytes.toString('latin1') });
  }
  try {
    return read({ attributes, data: parsedJson(bytes) });
  } catch (error) {
    if (!(error instanceof TallygateError)) throw error;
    return refused(attributes.id, [{ location, message: 'expected JSON in UTF-8' }]);
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const base64Of = (text: unknown): Buffer | undefined =>
  typeof text === 'string' && BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;

/** A header's value: printable ASCII, everything else percent-encoded UTF-8. */
function percentDecoded(value: string): string | undefined {
  if (!/^[\x20-\x7e]*$/.test(value)) return undefined;
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
}
