// The id of a reservation: `<base64url tenant>.<usage date>.<random 128 bit, base64url>`. It says whose it is and which day it belongs
// to, so that a cluster finds its slot, and a commit finds its day even where the counters have forgotten it.
import { tenantIdFault } from '../tenantId.js';
import { isUsageDate, type UsageDate } from '../time/usageDate.js';

/** What an id says. */
export interface ReservationId {
  readonly tenantId: string;
  /** The date that the reservation was charged to. */
  readonly usageDate: UsageDate;
  /** Unique within the tenant. */
  readonly secret: string;
}

const SECRET = /^[A-Za-z0-9_-]{22}$/;
/** Nothing longer can be one: 256 characters of four bytes, in base64, and the rest. */
const LONGEST = 1_400;

/** The text of an id. */
export const reservationIdOf = ({ tenantId, usageDate, secret }: ReservationId): string =>
  `${Buffer.from(tenantId).toString('base64url')}.${usageDate}.${secret}`;

/** Reads an id; undefined where the text is none. */
export function readReservationId(text: string): ReservationId | undefined {
  if (text.length > LONGEST) return undefined;
  const [tenant, usageDate, secret, ...others] = text.split('.');
  if (tenant === undefined || usageDate === undefined || secret === undefined || others.length > 0) return undefined;
  const tenantId = Buffer.from(tenant, 'base64url').toString();
  const id = { tenantId, usageDate, secret };
  const isValid = tenantIdFault(tenantId) === undefined && isUsageDate(usageDate) && SECRET.test(secret);
  // Written again it must be the same: base64 has several spellings of one text, and the ledger counts each id once.
  return isValid && reservationIdOf(id) === text ? id : undefined;
}
