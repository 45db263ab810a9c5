// `pathledger incident`: one page for a post-mortem, as text, for a program, or as a page of its own.
import type { Command } from 'commander'
import { incident } from '../../doors/audit.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import { timeOf } from '../moment.ts'
import { incidentPage } from '../show/incident-page.ts'
import { incidentText } from '../show/incident-text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly from: string
  readonly to: string
  readonly html?: true
  readonly json?: true
}

export function addIncident(program: Command, cli: Cli): void {
  const command = program
    .command('incident')
    .description(
      'One page for a post-mortem: what happened in order, the first evidence, what it affected and for how long, what is not\n' +
        'known, and the lines that say so. For a ledger made from logs, and for one of an engine.',
    )
    .argument('<ledger>', 'a ledger')
    .requiredOption('--from <time>', 'first moment: ISO 8601, or -30m before the last event')
    .requiredOption('--to <time>', 'last moment')
    .option('--html', 'one self-contained HTML page')
    .action(async (file: string, options: Options) => {
      if (options.html === true && options.json === true)
        throw usageError('--html and --json are two forms.', 'One of them is printed.', 'Leave one out.')
      cli.exitCode = await withLedger(cli, file, options, async (reader) => {
        const range = { fromUs: timeOf(reader, options.from), toUs: timeOf(reader, options.to) }
        if (range.fromUs > range.toUs)
          throw usageError('--from is after --to.', 'There is nothing between them.', 'Change one of them.')
        const found = incident(reader, range)
        if (options.json === true) await printJson(cli.io, found)
        else if (options.html === true) await cli.io.out(incidentPage(found), 'exact')
        else await cli.io.out(incidentText(found, cli.io.color))
        return EXIT.ok
      })
    })
  withJson(command)
  withExamples(command, [
    ['pathledger incident night.ledger --from 2026-03-14T01:00Z --to 2026-03-14T02:00Z', 'that hour'],
    ['pathledger incident night.ledger --from -2h --to -0s --html > night.html', 'a page to send'],
  ])
}
