// Options of a part: whole numbers by name, each with what it is without, and the smaller numbers of `--quick`, which proves that the
// part runs and measures nothing worth reading.

/** A part's options by name, with their values in a whole run and in a quick one. */
export type NumberOptions<Name extends string> = Readonly<
  Record<Name, { readonly full: number; readonly quick: number }>
>;

/** @throws Error for arguments that mean nothing */
export function readNumbers<Name extends string>(
  args: readonly string[],
  options: NumberOptions<Name>,
): Readonly<Record<Name, number>> {
  const names = Object.keys(options) as Name[];
  const isQuick = args.includes('--quick');
  const values = Object.fromEntries(
    names.map((name) => [name, isQuick ? options[name].quick : options[name].full]),
  ) as Record<Name, number>;
  const rest = args.filter((arg) => arg !== '--quick');
  for (let at = 0; at < rest.length; at += 2) {
    const name = names.find((known) => `--${known}` === rest[at]);
    const value = Number(rest[at + 1]);
    if (name === undefined) throw new Error(`expected [--quick] ${usage(names)}, got ${rest[at]}`);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`--${name}: expected a whole number from 1 up, got ${rest[at + 1]}`);
    values[name] = value;
  }
  return values;
}

const usage = (names: readonly string[]): string => names.map((name) => `[--${name} N]`).join(' ');
