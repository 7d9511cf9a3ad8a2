// The values of a header, one for each time that it was sent.
import type { IncomingMessage } from 'node:http';

/** Node joins repeated headers by commas in `req.headers`, which a value may hold too; the raw list keeps them apart. @param name in small letters */
export function headerValues({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if ((rawHeaders[at] as string).toLowerCase() === name) values.push(rawHeaders[at + 1] as string);
  }
  return values;
}
