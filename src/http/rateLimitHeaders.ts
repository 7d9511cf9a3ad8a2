// What a response says of the tenant's limits: X-RateLimit pairs, as clients have known them for long, and the RateLimit and
// RateLimit-Policy fields of draft-ietf-httpapi-ratelimit-headers (structured fields, RFC 9651).
import type { Decision, LimitState } from '../core/quota/decision.js';
import type { HeaderPair } from './respond.js';

/** `legacy`: X-RateLimit pairs; `standard`: the IETF fields. */
export type HeaderStyle = 'legacy' | 'standard' | 'both' | 'none';

/** A limit that has a number. Unlimited ones are in no header. */
export type LimitedState = LimitState & { readonly limit: number; readonly remaining: number };

export const limitedOnly = (limits: readonly LimitState[]): readonly LimitedState[] =>
  limits.filter((state): state is LimitedState => state.limit !== undefined);

const NO_HEADERS: readonly HeaderPair[] = [];

/** Makes the function that computes the headers of a decision. Without an answer of the counter store there are none: no figure is invented. */
export function rateLimitHeaders(style: HeaderStyle): (decision: Decision) => readonly HeaderPair[] {
  if (style === 'none') return () => NO_HEADERS;
  const legacy = style !== 'standard';
  const standard = style !== 'legacy';
  return (decision) => {
    const limits = limitedOnly(decision.limits);
    if (limits.length === 0 || decision.outcome === 'unconfirmed' || decision.outcome === 'unavailable')
      return NO_HEADERS;
    const headers: HeaderPair[] = [];
    if (legacy) for (const state of limits) addLegacyPair(headers, state);
    if (standard) {
      headers.push(['RateLimit-Policy', limits.map(policyItem).join(', ')]);
      headers.push(['RateLimit', limits.map((state) => limitItem(state, decision.label.decidedAtMs)).join(', ')]);
    }
    return headers;
  };
}

interface LegacyNames {
  readonly limit: string;
  readonly remaining: string;
}

// Names of limits come from plans and are few; the bound is for an app that makes plans without end.
const MAX_KNOWN_NAMES = 1_000;
const knownNames = new Map<string, LegacyNames>();

function addLegacyPair(headers: HeaderPair[], state: LimitedState): void {
  const names = knownNames.get(state.name) ?? legacyNames(state.name);
  headers.push([names.limit, String(state.limit)], [names.remaining, String(state.remaining)]);
}

/** `per-export` is `X-RateLimit-Limit-Per-Export`. */
function legacyNames(name: string): LegacyNames {
  const suffix = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
  const names = { limit: `X-RateLimit-Limit-${suffix}`, remaining: `X-RateLimit-Remaining-${suffix}` };
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, names);
  return names;
}

/** RFC 9651 integers have at most 15 digits; ours may have 16. */
const LARGEST_FIELD_INTEGER = 999_999_999_999_999;
const integer = (value: number): number => Math.min(Math.max(0, value), LARGEST_FIELD_INTEGER);
const wholeSeconds = (ms: number): number => integer(Math.ceil(ms / 1000));

// A limit's name has no quote and no backslash (core/quota/limit), so it is a String item as it stands.
const policyItem = (state: LimitedState): string =>
  `"${state.name}";q=${integer(state.limit)};w=${wholeSeconds(state.resetAtMs - state.startMs)}`;

// Of a limit that refused: when this cost fits, as `Retry-After` says it; otherwise the window's end.
const limitItem = (state: LimitedState, nowMs: number): string =>
  `"${state.name}";r=${integer(state.remaining)};t=${wholeSeconds(state.fitsAtMs - nowMs)}`;
