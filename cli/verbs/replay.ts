// `pathledger replay`: decides every event again, from its inputs alone, and prints what that comes to: at a point, step by
// step, as it is written, or compared with what was stored.
import type { Command } from 'commander'
import { messageOf, PathledgerError } from '../../errors.ts'
import { redecide, replayVerdict, Stepper } from '../../doors/ledger.ts'
import { systemClock } from '../../index.ts'
import type { ReplayStep, ReplayVerdict } from '../../doors/ledger.ts'
import type { LedgerState } from '../../index.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import type { Io } from '../io.ts'
import { MOMENT_HELP, positionOf, timeAt } from '../moment.ts'
import { isObservedLedger, readNames } from '../names.ts'
import { follow } from '../replay/follow.ts'
import { stepThrough } from '../replay/session.ts'
import { stepDocument, stepLines } from '../replay/step-lines.ts'
import { describeState } from '../show/state.ts'
import { counted, lines, paint } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly to?: string
  readonly from?: string
  readonly step?: true
  readonly follow?: true
  readonly verify?: true
  readonly json?: true
}

export function addReplay(program: Command, cli: Cli): void {
  const command = program
    .command('replay')
    .description(
      'Make every decision again, from the recorded inputs alone, up to a point, and print the state of every stream there.\n' +
        'The decisions on the ledger are not used: `show` reads them, and `verify` compares both.',
    )
    .argument('<file>', 'a ledger')
    .option('--to <POSITION|TIME>', `how far; default: to the end. ${MOMENT_HELP}`)
    .option('--from <POSITION|TIME>', 'with --step or --follow: where to begin')
    .option('--step', 'event by event, with what each one changed; at a terminal, keys go forward and back')
    .option('--follow', 'print what an engine writes, until Ctrl-C')
    .option('--verify', 'compare each decision with the stored one, and stop at the first difference')
    .action(async (file: string, options: Options) => {
      cli.exitCode = await withLedger(cli, file, options, (reader) => run(cli.io, reader, options))
    })
  withJson(command, 'one JSON document; with --step and --follow one object per event')
  withExamples(command, [
    [
      'pathledger replay demo.ledger --to 100',
      'the state after position 100, with every decision made again',
    ],
    ['pathledger replay demo.ledger --step', 'at a terminal: n next, p back, f next failure, q quit'],
    ['pathledger replay demo.ledger --step --from -2s --to -1s', 'that second, event by event'],
    ['pathledger replay demo.ledger --follow', 'what an engine writes, as it writes it'],
    ['pathledger replay demo.ledger --verify', 'the first decision that differs, and the likely reason'],
    [
      'pathledger replay demo.ledger --to -1s --json',
      'a second before the end: {"position","time","streams"}',
    ],
  ])
}

function run(io: Io, reader: FileReader, options: Options): Promise<number> {
  const { from, step, follow: followed, verify } = options
  const ways = [step, followed, verify].filter((way) => way === true)
  if (ways.length > 1)
    throw wrong('--step, --follow and --verify cannot be given together.', 'Use one of them.')
  if (from !== undefined && (verify === true || ways.length === 0)) {
    throw wrong('--from goes with --step or --follow.', 'Without them a replay begins at the beginning.')
  }
  if (verify === true) return verified(io, reader, options)
  if (followed === true) return followIt(io, reader, options)
  return step === true ? stepped(io, reader, options) : pointed(io, reader, options)
}

async function pointed(io: Io, reader: FileReader, { to, json }: Options): Promise<number> {
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

async function stepped(io: Io, reader: FileReader, { from, to, json }: Options): Promise<number> {
  const stepper = new Stepper(reader)
  const first = from === undefined ? 1 : positionOf(reader, from)
  const last = to === undefined ? reader.head().events : positionOf(reader, to)
  if (first > last) throw wrong('This range is empty.', 'Its end lies before its beginning.')
  const nameOf = readNames(reader)
  const colours = paint(io.color)
  if (io.keys !== undefined && json !== true && to === undefined) {
    stepper.goTo(from === undefined ? 0 : first)
    await stepThrough({ stepper, keys: io.keys(), out: (text) => io.out(text), nameOf, paint: colours })
    return EXIT.ok
  }
  stepper.goTo(first - 1)
  while (stepper.position < last) {
    const step = stepper.next()
    if (step === null) break
    await io.out(printed(step, stepper))
  }
  if (json !== true) await io.out(`\n${describeState(stepper.state, colours)}`)
  return EXIT.ok

  function printed(step: ReplayStep, at: Stepper): string {
    return json === true ? `${JSON.stringify(stepDocument(step, at))}\n` : stepLines(step, nameOf, colours)
  }
}

async function followIt(io: Io, reader: FileReader, { from, to, json }: Options): Promise<number> {
  if (to !== undefined) throw wrong('--follow has no end but Ctrl-C.', 'Leave out --to.')
  const stepper = new Stepper(reader)
  stepper.goTo(from === undefined ? reader.head().events : positionOf(reader, from) - 1)
  const colours = paint(io.color)
  if (json !== true && from === undefined) await io.out(`${describeState(stepper.state, colours)}\n`)
  let nameOf = readNames(reader)
  await follow(reader, stepper, systemClock, async (step) => {
    if (/^(path\.added|head\.created)$/.test(step.event.type)) nameOf = readNames(reader)
    const text =
      json === true ? `${JSON.stringify(stepDocument(step, stepper))}\n` : stepLines(step, nameOf, colours)
    await io.out(text)
  })
  return EXIT.ok
}

async function verified(io: Io, reader: FileReader, { to, json }: Options): Promise<number> {
  if (to !== undefined) throw wrong('--verify looks at the whole ledger.', 'Leave out --to.')
  const verdict = replayVerdict(reader)
  if (json === true) await printJson(io, verdict)
  else await io.out(describeVerdict(verdict, io.color, isObservedLedger(reader)))
  return verdict.equal ? EXIT.ok : EXIT.verification
}

function describeVerdict(verdict: ReplayVerdict, color: boolean, observed: boolean): string {
  const { events, equal, position, why, difference, reason, says, warnings } = verdict
  const { good, bad, warn } = paint(color)
  const said = equal
    ? [
        good(`${counted(events, 'event')} decided again, state and effects: all alike`),
        ...(observed
          ? ['Observed: nothing was decided here. What lines said was folded to states again.']
          : []),
      ]
    : [
        bad(`first difference: position ${position ?? ''}`),
        ...(difference === null
          ? [why]
          : [`  stored   ${difference.stored}`, `  decided  ${difference.decided}`]),
        `likely reason: ${reason ?? ''}. ${says}`,
      ]
  return lines([...said, ...warnings.map((warning) => `${warn('warning')}  ${warning}`)])
}

function wrong(message: string, why: string): PathledgerError {
  return usageError(message, why, 'Look at `pathledger replay --help`.')
}

function replayTo(reader: FileReader, position: number): LedgerState {
  try {
    return redecide(reader, { toPosition: position })
  } catch (error) {
    // What reading met is told as it is; what deciding met can only come from a ledger that somebody changed.
    if (error instanceof PathledgerError && error.code.startsWith('LEDGER_')) throw error
    throw new PathledgerError('LEDGER_DAMAGED', {
      message: `The ledger ${reader.file} cannot be replayed.`,
      why: `It has an event that no machine accepts: ${messageOf(error)}.`,
      todo: 'Run `pathledger verify` on it, which names the first bad position.',
      cause: error,
    })
  }
}
