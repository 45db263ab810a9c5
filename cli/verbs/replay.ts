// `pathledger replay`: decides every event again, from its inputs alone, and prints what that comes to.
import type { Command } from 'commander'
import { PathledgerError } from '../../errors.ts'
import { redecide } from '../../index.ts'
import type { LedgerState } from '../../index.ts'
import type { FileReader } from '../../store/reader.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { MOMENT_HELP, positionOf, timeAt } from '../moment.ts'
import { describeState } from '../show-state.ts'
import { counted, paint } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly to?: string
  readonly json?: true
}

export function addReplay(program: Command, cli: Cli): void {
  const command = program
    .command('replay')
    .description(
      'Decide every event again from its inputs alone, up to a point, and print the state of every stream there.\n' +
        'The decisions on the ledger are not read; `show` reads them, `verify` compares both.',
    )
    .argument('<file>', 'a ledger')
    .option('--to <POSITION|TIME>', `how far; default: to the end. ${MOMENT_HELP}`)
    .action(async (file: string, options: Options) => {
      cli.exitCode = await withLedger(file, (reader) => run(cli.io, reader, options))
    })
  withJson(command)
  withExamples(command, [
    ['pathledger replay demo.ledger --to 100', 'the state after position 100, decided anew'],
    [
      'pathledger replay demo.ledger --to -1s --json',
      'a second before the end: {"position","time","streams"}',
    ],
  ])
}

async function run(io: Io, reader: FileReader, { to, json }: Options): Promise<number> {
  const position = to === undefined ? reader.head().events : positionOf(reader, to)
  const state = replayTo(reader, position)
  const time = timeAt(reader, position)
  if (json) await printJson(io, { position, time, streams: state.streams })
  else {
    const colours = paint(io.color)
    const head = `${counted(position, 'event')} decided again from the inputs alone, up to ${time}\n`
    await io.out(`${colours.dim(head)}${describeState(state, colours)}`)
  }
  return EXIT.ok
}

function replayTo(reader: FileReader, position: number): LedgerState {
  try {
    return redecide(reader, { toPosition: position })
  } catch (error) {
    // What reading met is told as it is; what deciding met can only come from a ledger that somebody changed.
    if (error instanceof PathledgerError && error.code.startsWith('LEDGER_')) throw error
    throw new PathledgerError('LEDGER_DAMAGED', {
      message: `The ledger ${reader.file} cannot be replayed.`,
      why: `An event is on it that no machine takes: ${error instanceof Error ? error.message : String(error)}.`,
      todo: 'Run `pathledger verify` on it: it names the first bad position.',
      cause: error,
    })
  }
}
