// `tallygate quarantine list|retry|discard`: rows of usage that the tables refused, while the rest of their batch was counted.
import type { Command } from 'commander';
import { invalidRequest } from '../../core/errors.js';
import type { CommandContext } from '../context.js';
import type { CommandQuarantinedRow, Installation } from '../installation.js';

interface ListOptions {
  readonly json?: true;
}

interface EachOptions extends ListOptions {
  readonly all?: true;
}

/** Most rows of one command. */
const MOST_ROWS = 1_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function addQuarantineCommand(program: Command, context: CommandContext): void {
  const quarantine = program.command('quarantine').description('rows of usage that the tables refused');
  quarantine
    .command('list')
    .description(`the oldest ${MOST_ROWS}, each with its reason and content`)
    .option('--json', 'as JSON')
    .action((options: ListOptions) => list(context, options));
  const add = (name: string, description: string, treat: Treat): void => {
    quarantine
      .command(name)
      .description(description)
      .argument('[id...]')
      .option('--all', `the oldest ${MOST_ROWS}`)
      .option('--json', 'as JSON')
      .action((ids: string[], options: EachOptions, command: Command) => {
        if (ids.length > 0 === (options.all === true)) command.error('error: give the ids of rows, or --all');
        return each(context, ids, options, treat);
      });
  };
  add('retry', 'count rows after all, on their own days; what is refused still stays', retry);
  add(
    'discard',
    'give rows up: their usage is in no ledger then; what is printed is all that is left of them',
    discard,
  );
}

async function list({ terminal, withInstallation }: CommandContext, { json }: ListOptions): Promise<void> {
  const { total, rows } = await withInstallation(async (installation) => {
    await installation.ready();
    return installation.upkeep.quarantined(MOST_ROWS);
  });
  const shown = rows.map(shownOf);
  if (json) return terminal.result(`${JSON.stringify({ total, rows: shown }, null, 2)}\n`);
  terminal.result(total === 0 ? 'No row was put aside.\n' : rows.map(asText).join(''));
  if (total > rows.length) terminal.message(`${total - rows.length} more rows were put aside\n`);
}

/** What became of one row. */
interface Treated {
  readonly id: string;
  readonly outcome: 'applied' | 'discarded' | 'refused' | 'unknown';
  readonly reason?: string;
  readonly row?: object;
}

type Treat = (upkeep: Installation['upkeep'], id: string) => Promise<Treated>;

async function retry(upkeep: Installation['upkeep'], id: string): Promise<Treated> {
  const outcome = await upkeep.retryQuarantined(id);
  if (outcome.outcome === 'applied') return { id, outcome: 'applied' };
  return { id, ...outcome };
}

async function discard(upkeep: Installation['upkeep'], id: string): Promise<Treated> {
  const row = await upkeep.discardQuarantined(id);
  return row === undefined ? { id, outcome: 'unknown' } : { id, outcome: 'discarded', row: shownOf(row) };
}

async function each(
  context: CommandContext,
  ids: readonly string[],
  { all, json }: EachOptions,
  treat: Treat,
): Promise<void> {
  const faults = ids
    .filter((id) => !UUID.test(id))
    .map((id) => ({ location: 'id', message: `expected an id as \`quarantine list\` shows it, got "${id}"` }));
  if (faults.length > 0) throw invalidRequest(faults);
  const treated = await context.withInstallation(async (installation) => {
    await installation.ready();
    const { upkeep } = installation;
    const asked = all ? (await upkeep.quarantined(MOST_ROWS)).rows.map(({ id }) => id) : ids;
    const outcomes: Treated[] = [];
    // One after the other: each is a transaction, and one that fails must not leave others half way.
    for (const id of asked) outcomes.push(await treat(upkeep, id));
    return outcomes;
  });
  context.terminal.result(json ? `${JSON.stringify({ rows: treated }, null, 2)}\n` : treated.map(asLine).join(''));
  if (treated.some(({ outcome }) => outcome === 'refused' || outcome === 'unknown')) context.setExitStatus(1);
}

/** As JSON shows it: the content as what it is. */
const shownOf = ({ content, quarantinedAtMs, ...row }: CommandQuarantinedRow): object => ({
  ...row,
  content: JSON.parse(content) as unknown,
  quarantinedAt: new Date(quarantinedAtMs).toISOString(),
});

const asText = ({ id, kind, content, reason, quarantinedAtMs }: CommandQuarantinedRow): string =>
  `${id}  ${kind}  ${new Date(quarantinedAtMs).toISOString()}  ${reason}\n  ${content}\n`;

const asLine = ({ id, outcome, reason, row }: Treated): string =>
  `${outcome.padEnd(9)}  ${id}${reason === undefined ? '' : `  ${reason}`}${row === undefined ? '' : `  ${JSON.stringify(row)}`}\n`;
