// `pathledger show`: heads, their paths and their states, now or at any point of the record.
import type { Command } from 'commander'
import { stateAt } from '../../doors/ledger.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { stateWords } from '../show/describe-event.ts'
import { ask, withSocket, type EngineOptions } from '../engine-verb.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import { describeLive } from '../show/live.ts'
import type { Io } from '../io.ts'
import { MOMENT_HELP, positionOf, timeAt } from '../moment.ts'
import { isObservedLedger } from '../names.ts'
import { describeState, shownHeads } from '../show/state.ts'
import { paint } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options extends EngineOptions {
  readonly at?: string
}

export function addShow(program: Command, cli: Cli): void {
  const command = program
    .command('show')
    .description('Print heads with their paths and states, at the end of a ledger or at any point in it.')
    .argument('[file]', 'a ledger; an engine may be writing it')
    .option('--at <POSITION|TIME>', `when; default: at the end. ${MOMENT_HELP}`)
    .action((file: string | undefined, options: Options) => show(cli, file, options))
  withJson(withSocket(command))
  withExamples(command, [
    ['pathledger show mp.ledger', 'the state now, or as the last run left it'],
    ['pathledger show mp.ledger --at 2026-11-22T21:03:05Z', 'as it was then'],
    ['pathledger show mp.ledger --at 57 --json', 'right after the event at position 57'],
    ['pathledger show --socket mp.sock', 'ask a running engine; it answers even while paths hang'],
  ])
}

/** A ledger tells of any time, a running engine of now: one of them is asked. */
async function show(cli: Cli, file: string | undefined, options: Options): Promise<void> {
  const asksEngine = options.socket !== undefined
  if (asksEngine && (file !== undefined || options.at !== undefined)) {
    throw usageError(
      'A running engine can only report its present state.',
      'FILE and --at are about a ledger.',
      'Leave out --socket, or both of these.',
    )
  }
  if (asksEngine) return ask(cli, options, { verb: 'show' }, describeLive)
  if (file === undefined) {
    throw usageError(
      'No ledger is given.',
      'The command needs a ledger or a running engine.',
      'Give FILE or --socket FILE.',
    )
  }
  cli.exitCode = await withLedger(cli, file, options, (reader) => run(cli.io, reader, options))
}

async function run(io: Io, reader: FileReader, { at, json }: Options): Promise<number> {
  const position = at === undefined ? reader.head().events : positionOf(reader, at)
  const state = stateAt(reader, { position })
  const time = timeAt(reader, position)
  const engine = stateWords(state.streams['engine']?.value ?? 'unknown')
  if (json) {
    await printJson(io, { position, time, engine, heads: shownHeads(state) })
    return EXIT.ok
  }
  const colours = paint(io.color)
  const observed = isObservedLedger(reader)
  const who = observed ? 'observed, as lines told' : `engine ${engine}`
  await io.out(`${colours.dim(`position ${position}, ${time}, ${who}`)}\n`)
  await io.out(describeState(state, colours))
  if (!observed && engine === 'stopped' && at === undefined) {
    io.err('The engine has closed, and its paths are gone. `--at -1s` shows the state before that.\n')
  }
  return EXIT.ok
}
