// One row of CSV, by RFC 4180.

/**
 * The fields as a line. A text that a spreadsheet would run as a formula gets an apostrophe in front: tenant ids may come from
 * clients, and these files are opened by whoever writes the invoices.
 */
export const csvLine = (fields: readonly (string | number)[]): string => `${fields.map(csvField).join(',')}\n`;

function csvField(field: string | number): string {
  if (typeof field === 'number') return String(field);
  const harmless = /^[=+\-@\t\r]/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
