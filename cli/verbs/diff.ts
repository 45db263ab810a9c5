// `pathledger diff`: what changed from one point of a ledger to another, stream by stream.
import type { Command } from 'commander'
import { changesBetween, stateAt } from '../../doors/ledger.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { MOMENT_HELP, positionOf, timeAt } from '../moment.ts'
import { readNames } from '../names.ts'
import { changeRows } from '../replay/step-lines.ts'
import { counted, lines, paint, table } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly json?: true
}

export function addDiff(program: Command, cli: Cli): void {
  const command = program
    .command('diff')
    .description('Print which streams changed between two points of a ledger, and how.')
    .argument('<file>', 'a ledger')
    .argument('<from>', `one point. ${MOMENT_HELP}`)
    .argument('<to>', 'the other point; it may lie before the first')
    // A time that counts back begins with a dash, and is no option.
    .allowUnknownOption()
    .action(async (file: string, from: string, to: string, options: Options) => {
      cli.exitCode = await withLedger(cli, file, options, (reader) =>
        run(cli.io, reader, { from, to }, options),
      )
    })
  withJson(command)
  withExamples(command, [
    ['pathledger diff demo.ledger 100 200', 'what 100 events changed'],
    ['pathledger diff demo.ledger -5m -1s --json', 'the last five minutes: {"from","to","streams"}'],
  ])
}

async function run(
  io: Io,
  reader: FileReader,
  typed: { readonly from: string; readonly to: string },
  { json }: Options,
): Promise<number> {
  const [from, to] = [positionOf(reader, typed.from), positionOf(reader, typed.to)]
  const streams = changesBetween(stateAt(reader, { position: from }), stateAt(reader, { position: to }))
  const points = [from, to].map((position) => ({ position, time: timeAt(reader, position) }))
  if (json === true) {
    await printJson(io, { from: points[0], to: points[1], streams })
    return EXIT.ok
  }
  const nameOf = readNames(reader)
  const colours = paint(io.color)
  const head = points.map(({ position, time }) => `position ${position}, ${time}`).join('  ->  ')
  await io.out(`${colours.dim(head)}\n`)
  if (streams.length === 0) await io.out('Nothing changed.\n')
  for (const change of streams) {
    const count = counted(Math.abs(change.events), 'event')
    const name = nameOf(change.stream, to)
    const title = name === change.stream ? name : `${name}  ${colours.dim(change.stream)}`
    await io.out(`${lines([`${colours.bold(title)}  ${count}`])}${table(changeRows(change, colours), '  ')}`)
  }
  return EXIT.ok
}
