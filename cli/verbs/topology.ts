// `pathledger topology`: which heads and paths there were at a time, found by one query, without a replay.
import type { Command } from 'commander'
import { topology } from '../../doors/audit.ts'
import type { TopologyRow } from '../../doors/audit.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { isoOf, MOMENT_HELP, positionOf, timeAt } from '../moment.ts'
import { paint, table } from '../text.ts'
import type { Paint } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly at?: string
  readonly all?: true
  readonly json?: true
}

export function addTopology(program: Command, cli: Cli): void {
  const command = program
    .command('topology')
    .description(
      'Print which heads and paths there were at a given time, and in which state: by one query, without a replay.',
    )
    .argument('<file>', 'a ledger; an engine may be writing it')
    .option('--at <POSITION|TIME>', `when; default: at the end. ${MOMENT_HELP}`)
    .option('--all', 'also those that had been removed by then')
    .action(async (file: string, options: Options) => {
      cli.exitCode = await withLedger(cli, file, options, (reader) => run(cli.io, reader, options))
    })
  withJson(command)
  withExamples(command, [
    ['pathledger topology mp.ledger --at 2026-11-22T21:03:05Z', 'as it was then'],
    [
      'pathledger topology mp.ledger --at -1s --json',
      'a second before the last event: {"position","time","heads"}',
    ],
  ])
}

async function run(io: Io, reader: FileReader, { at, all, json }: Options): Promise<number> {
  const position = at === undefined ? reader.head().events : positionOf(reader, at)
  const rows = topology(reader, { position }).filter(({ present }) => present || all === true)
  const heads = rows
    .filter(({ kind }) => kind === 'head')
    .map((head) => ({
      ...head,
      paths: rows.filter(({ kind, wwid }) => kind === 'path' && wwid === head.wwid),
    }))
  const time = timeAt(reader, position)
  if (json === true) {
    await printJson(io, { position, time, heads })
    return EXIT.ok
  }
  const colours = paint(io.color)
  await io.out(`${colours.dim(`position ${position}, ${time}`)}\n`)
  if (heads.length === 0) await io.out('No head was there.\n')
  for (const { paths, ...head } of heads)
    await io.out(table([head, ...paths].map((row) => line(row, colours))))
  return EXIT.ok
}

function line(row: TopologyRow, { good, bad, bold, dim }: Paint): string[] {
  const { kind, name, hctl, wwid, state, usable, present, position, recordedAtUs } = row
  return [
    kind === 'head' ? bold(name ?? row.stream) : `  ${bold(name ?? row.stream)}`,
    kind === 'head' ? (wwid ?? '') : (hctl ?? ''),
    (present && usable !== null ? (usable ? good : bad) : dim)(Object.values(state).join('/')),
    dim(`by ${position}, ${isoOf(recordedAtUs)}`),
  ]
}
