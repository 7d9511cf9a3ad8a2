// `tallygate doctor`: what is wrong with this installation or worth knowing about it, one line a finding.
import type { Command } from 'commander';
import { diagnose, type Finding } from '../../core/diagnosis.js';
import type { CommandContext } from '../context.js';

export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('what is wrong with this installation, and what to do; exit with 1 where something is')
    .option('--json', 'the findings as JSON')
    .action((options: { readonly json?: true }) => doctor(context, options));
}

async function doctor(
  { terminal, withInstallation, setExitStatus }: CommandContext,
  options: { readonly json?: true },
) {
  const findings = diagnose(await withInstallation((installation) => installation.examine()));
  terminal.result(options.json ? `${JSON.stringify({ findings }, null, 2)}\n` : asText(findings));
  if (findings.some(({ isWrong }) => isWrong)) setExitStatus(1);
}

function asText(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing was found.\n';
  return findings
    .map(({ isWrong, what, whatToDo }) => `${isWrong ? 'wrong' : 'note '}  ${line(what)}: ${whatToDo}\n`)
    .join('');
}

/** What databases say of themselves may have several lines. */
const line = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ').replace(/\.$/, '');
