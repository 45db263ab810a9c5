// `pathledger what-if`: the production engine once more over a recorded run, under other settings.
import type { Command } from 'commander'
import { whatIf } from '../../index.ts'
import type { DifferingIo, SettingsInput, WhatIf } from '../../index.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import type { Io } from '../io.ts'
import { counted, duration, figure, lines, paint, parseJson, table } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly set: readonly string[]
  readonly recorded: readonly string[]
  readonly json?: true
}

const SHOWN = 12

export function addWhatIf(program: Command, cli: Cli): void {
  const more = (value: string, before: readonly string[]): readonly string[] => [...before, value]
  const command = program
    .command('what-if')
    .description(
      'Run the engine again over the last recorded run, under other settings: what would it have decided?\n' +
        'Without traced I/O (docs/tracing.md) you can ask only about the lives of paths and heads.',
    )
    .argument('<file>', 'a ledger')
    .option('--set <NAME=VALUE>', 'a setting of docs/settings.md to run with; may be repeated', more, [])
    .option('--recorded <NAME=VALUE>', 'an original setting that is not on the ledger', more, [])
    .action(async (file: string, options: Options) => {
      cli.exitCode = await withLedger(cli, file, options, (reader) => run(cli.io, reader, options))
    })
  withJson(command)
  withExamples(command, [
    ['pathledger what-if mp.ledger --set iopolicy=round-robin', 'would another policy have spread the load?'],
    ['pathledger what-if mp.ledger --set attemptTimeoutMs=500', 'would a shorter time limit have hurt less?'],
    ['pathledger what-if mp.ledger --set noPathRetry=queue --set checker.minMs=100', 'several at once'],
  ])
}

async function run(io: Io, reader: FileReader, { set, recorded, json }: Options): Promise<number> {
  if (set.length === 0)
    throw usageError('No setting is given.', '--set is missing.', 'Write --set iopolicy=round-robin.')
  const answer = await whatIf(reader, { settings: settingsOf(set), recorded: settingsOf(recorded) })
  if (json === true) await printJson(io, answer)
  else await io.out(describe(answer, io.color))
  return EXIT.ok
}

/** 'checker.minMs=100', 'noPathRetry=queue': a value is JSON where it can be, else a word. */
function settingsOf(given: readonly string[]): SettingsInput {
  const settings: Record<string, unknown> = {}
  for (const one of given) {
    const [, name, part, value] = /^(\w+)(?:\.(\w+))?=(.+)$/.exec(one) ?? []
    if (name === undefined || value === undefined) {
      throw usageError(
        `'${one}' is not a setting.`,
        'A setting is NAME=VALUE.',
        'Write --set iopolicy=round-robin.',
      )
    }
    const parsed = parseJson(value)
    settings[name] =
      part === undefined ? parsed : { ...(settings[name] as object | undefined), [part]: parsed }
  }
  return settings
}

function describe(answer: WhatIf, color: boolean): string {
  const {
    traced,
    fidelity,
    trust: verdict,
    firstDivergence,
    differing,
    differingCount,
    then,
    instead,
  } = answer
  const { bold, dim, warn } = paint(color)
  const trust = traced
    ? `${figure(fidelity.same)} of ${counted(fidelity.of, 'I/O')} go as recorded with the settings of then: ${verdict === 'exact' ? 'the answer is of this very run' : 'the answer is close, not exact'}\n`
    : `${warn('no I/O was traced')}: only the lives of paths and heads are told\n`
  if (firstDivergence === null) return `${dim(trust)}Nothing would have been different.\n`
  const { io, event } = firstDivergence
  const first = [
    ...(io === null
      ? []
      : [
          `  ${ioWords(io)}`,
          `    then     ${outcomeWords(io.then)}`,
          `    instead  ${outcomeWords(io.instead)}`,
        ]),
    ...(event === null
      ? []
      : ['  event', `    then     ${event.then ?? 'none'}`, `    instead  ${event.instead ?? 'none'}`]),
  ]
  const shown = differing.slice(0, SHOWN)
  const rows = shown.map((one) => [ioWords(one), outcomeWords(one.then), outcomeWords(one.instead)])
  const more =
    differingCount > shown.length
      ? dim(`  and ${figure(differingCount - shown.length)} more; --json has them\n`)
      : ''
  const heading = differingCount === 0 ? '' : `${bold(`${counted(differingCount, 'I/O')} go otherwise`)}\n`
  const listed = rows.length === 0 ? '' : table([['', dim('then'), dim('instead')], ...rows], '  ')
  return `${dim(trust)}${bold('First divergence')}\n${lines(first)}${heading}${listed}${more}${bold('In all')}\n${table(figures(then, instead, dim), '  ')}`
}

function ioWords({ op, offset, length }: DifferingIo): string {
  return op === 'flush' ? 'flush' : `${op} of ${length} bytes at ${offset}`
}

function outcomeWords({ paths, status, tookUs }: DifferingIo['then']): string {
  return `${paths.length === 0 ? 'no path' : paths.join(' ')}: ${status} after ${duration(tookUs)}`
}

function figures(then: WhatIf['then'], instead: WhatIf['then'], dim: (text: string) => string): string[][] {
  const row = (name: string, value: (of: WhatIf['then']) => string): string[] => [
    name,
    value(then),
    value(instead),
  ]
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${figure(count)}`)
      .join(', ') || '-'
  return [
    ['', dim('then'), dim('instead')],
    row('I/Os ended', ({ outcomes }) => listed(outcomes)),
    row('first path', ({ firstPaths }) => listed(firstPaths)),
    row('attempts', ({ attempts }) => figure(attempts)),
    row('median, longest', ({ tookUs }) => `${duration(tookUs.median)}, ${duration(tookUs.most)}`),
    row('paths failed', ({ failovers }) => figure(failovers)),
    row('heads removed', ({ headsRemoved }) => figure(headsRemoved)),
  ]
}
