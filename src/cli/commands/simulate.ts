// `tallygate simulate FILE --plan P`: an access log against plans. Nothing is written, and no database or Redis is asked.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { wholeNumber } from '../../config/environment.js';
import { invalidRequest } from '../../core/errors.js';
import { effectiveLimits, type LimitOverride } from '../../core/quota/effectiveLimits.js';
import type { EffectiveLimit } from '../../core/quota/limit.js';
import { isWindowUnit, type Plans } from '../../core/quota/plans.js';
import { isTimeZone, UTC_CALENDAR } from '../../core/time/calendar.js';
import { type LogSelector, logSelectorText } from '../../core/usage/accessLog.js';
import type { SimulationReport } from '../../tallygate.js';
import { tellBrokenLines } from '../brokenLines.js';
import type { CommandContext } from '../context.js';
import { logSelector } from '../logSelector.js';
import { progressBar } from '../progressBar.js';
import { writeSimulationJson } from '../simulationJson.js';
import { simulationText } from '../simulationText.js';

const MOST_PLANS = 2;
/** Broken lines that are named: what is simulated is not billed, so a few show what is wrong with the log. */
const MOST_BROKEN_NAMED = 10;

/** A plan as it was asked for: by name, with limits of its own. */
interface PlanChoice {
  readonly plan: string;
  readonly overrides: Map<string, LimitOverride>;
}

interface SimulateOptions {
  readonly plan: readonly PlanChoice[];
  readonly tenantBy: LogSelector;
  readonly userBy?: LogSelector;
  readonly timeZone: string;
  readonly json?: true;
}

export function addSimulateCommand(program: Command, context: CommandContext): void {
  // Both options fill it, in the order in which they stand: `--limit` changes the plan before it.
  const chosen: PlanChoice[] = [];
  program
    .command('simulate')
    .description('try an access log against one or two plans: who would be denied, when, how often; nothing is written')
    .argument('<file>', 'a log in Common or Combined format, packed by gzip or not; - is standard input')
    .requiredOption('--plan <plan>', 'a plan of the environment; twice to compare two', (name) => choose(chosen, name))
    .option('--limit <name=value>', 'change the plan named before: minute=100, day=unlimited; repeatable', (text) =>
      changeLimit(chosen, text),
    )
    .addOption(
      new Option('--tenant-by <field>', 'what names the tenant: host, user or path:N')
        .argParser(logSelector)
        .default({ field: 'host' }, 'host'),
    )
    .option(
      '--user-by <field>',
      'what names the user: a line without a valid one is broken, as for replay',
      logSelector,
    )
    .option('--time-zone <zone>', 'every tenant’s: an IANA name such as Europe/Berlin', timeZone, 'UTC')
    .option('--json', 'everything, every tenant included, as JSON')
    .action((file: string, options: SimulateOptions) => simulate(context, file, options));
}

function choose(chosen: PlanChoice[], plan: string): readonly PlanChoice[] {
  if (chosen.push({ plan, overrides: new Map() }) > MOST_PLANS)
    throw new InvalidArgumentError('Expected one or two plans.');
  return chosen;
}

function changeLimit(chosen: readonly PlanChoice[], text: string): string {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected NAME=VALUE.');
  const limit = value === 'unlimited' ? value : wholeNumber(value);
  if (limit === undefined)
    throw new InvalidArgumentError('Expected a whole number of digits, at most 2^53-1, or "unlimited".');
  const last = chosen.at(-1);
  if (last === undefined) throw new InvalidArgumentError('Expected after the --plan that it changes.');
  if (last.overrides.has(name)) throw new InvalidArgumentError(`Expected ${name} once for a plan.`);
  last.overrides.set(name, { limit, untilMs: undefined });
  return text;
}

function timeZone(name: string): string {
  if (isTimeZone(name)) return name;
  throw new InvalidArgumentError('Expected an IANA name such as Europe/Berlin.');
}

async function simulate(context: CommandContext, file: string, options: SimulateOptions): Promise<void> {
  const { terminal } = context;
  const { plans: known } = context.config();
  const plans = options.plan.map((choice) => ({ name: nameOf(choice), limits: limitsOf(choice, known) }));
  const bar = terminal.isWatched ? progressBar(terminal.message) : undefined;
  const { simulate } = await import('../../tallygate.js');
  const report = await simulate({
    ...{ log: { file, stdin: terminal.stdin }, tenantBy: options.tenantBy, userBy: options.userBy },
    ...{ plans, calendar: { ...UTC_CALENDAR, timeZone: options.timeZone }, onProgress: bar?.draw },
  }).finally(() => bar?.clear());
  tell(context, report);
  if (!options.json) return terminal.result(simulationText(report));
  const settings = { file, tenantBy: logSelectorText(options.tenantBy), timeZone: options.timeZone };
  writeSimulationJson(terminal.result, settings, report);
}

const nameOf = ({ plan, overrides }: PlanChoice): string =>
  [plan, ...[...overrides].map(([name, { limit }]) => `${name}=${limit}`)].join(' ');

/** @throws TallygateError `invalid_request` for a plan that does not exist, or a limit that no plan can have */
function limitsOf({ plan, overrides }: PlanChoice, known: Plans): readonly EffectiveLimit[] {
  const planned = known.get(plan);
  if (planned === undefined) {
    const names = [...known.keys()].join(', ');
    throw invalidRequest([{ location: 'plan', message: `expected a known plan (${names}), got "${plan}"` }]);
  }
  const unknown = [...overrides.keys()].find(
    (name) => !isWindowUnit(name) && !planned.some((one) => one.name === name),
  );
  if (unknown !== undefined) {
    const message = `expected a limit of plan "${plan}" or a window such as minute, got "${unknown}"`;
    throw invalidRequest([{ location: 'limit', message }]);
  }
  return effectiveLimits({ planned, planSource: 'plan', overrides, nowMs: 0, enforced: true });
}

/** What a reader of the figures has to know of the log. */
function tell({ terminal }: CommandContext, report: SimulationReport): void {
  tellBrokenLines(terminal, report, MOST_BROKEN_NAMED);
  if (report.late > 0)
    terminal.message(
      `${report.late} lines are more than 5 minutes older than lines before them: they were decided as if they had come then. Sort the log by time for exact figures.\n`,
    );
  for (const { name, undecided } of report.plans)
    if (undecided > 0)
      terminal.message(
        `plan ${name}: ${undecided} requests were not decided, too many tenants were counting at a time\n`,
      );
  if (report.unfinishedLine) terminal.message('The last line is not whole: it was passed over.\n');
}
