// `pathledger demo`: three paths to one disk fail in turn under load; nothing is lost, and all of it is on the ledger.
import { Option } from 'commander'
import type { Command } from 'commander'
import { PathledgerError } from '../../errors.ts'
import { Interrupted, watchSignals } from '../demo/interrupt.ts'
import type { Backend } from '../demo/devices.ts'
import { describeReport, isGood } from '../demo/report.ts'
import { runDemo } from '../demo/run.ts'
import type { DemoOutcome } from '../demo/run.ts'
import { makeScreen } from '../demo/screen.ts'
import { makeWorkspace } from '../demo/workspace.ts'
import { EXIT } from '../exit-codes.ts'
import { tellFailure, usageError } from '../failure.ts'
import type { Io } from '../io.ts'
import { printJson, withExamples, withJson } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly seconds: string
  readonly ledger?: string
  readonly image?: string
  readonly imageSize: string
  readonly backend: Backend | 'auto'
  readonly json?: true
}

const MIB = 1024 * 1024

export function addDemo(program: Command, cli: Cli): void {
  const command = program
    .command('demo')
    .description(
      'Write and read a disk through three paths that fail in turn, check every block, and replay the ledger.\n' +
        'As root the paths are loop devices, which are detached at the end, also after Ctrl-C. Otherwise they are files.',
    )
    .option('--seconds <S>', 'how long, 1 to 3600', '8')
    .option(
      '--ledger <FILE>',
      'where the ledger goes; default: a temporary file, which is kept unless --json is given',
    )
    .option(
      '--image <FILE>',
      'where the image of the disk goes, a file that does not exist yet; default: a temporary one',
    )
    .option('--image-size <MIB>', 'size of the image, 1 to 65536', '64')
    .addOption(
      new Option('--backend <WHICH>', 'which I/O backend the paths use')
        .choices(['auto', 'loop', 'file'])
        .default('auto'),
    )
    .action(async (options: Options) => {
      cli.exitCode = await run(cli.io, options)
    })
  withJson(command)
  withExamples(command, [
    ['pathledger demo', 'eight seconds to watch'],
    ['pathledger demo --seconds 60 --ledger demo.ledger', 'run for a minute, and keep the ledger'],
    ['pathledger demo --json --seconds 3', 'for a program: one JSON document'],
  ])
}

async function run(io: Io, options: Options): Promise<number> {
  const seconds = wholeFrom('--seconds', options.seconds, 1, 3_600)
  const imageBytes = wholeFrom('--image-size', options.imageSize, 1, 65_536) * MIB
  const { ledger = null, image = null, backend, json = false } = options
  const workspace = makeWorkspace({ ledger, image, imageBytes })
  const interrupts = watchSignals()
  const screen = makeScreen(io, json)
  const explain = (why: string): void => io.err(`${why}\n`)
  let keepLedger = false
  try {
    const { signal } = interrupts
    const outcome = await runDemo({ seconds, backend, imageBytes }, workspace, { screen, signal, explain })
    const good = isGood(outcome.report)
    // A ledger that does not hold is evidence, and one that people are invited to look at must be there.
    keepLedger = !json || !good
    await print(io, outcome, json)
    return good ? EXIT.ok : EXIT.verification
  } catch (error) {
    if (!(error instanceof Interrupted) || interrupts.exitCode === null) throw error
    tellFailure(io, interrupted(), json)
    return interrupts.exitCode
  } finally {
    interrupts.end()
    workspace.clear(keepLedger)
  }
}

async function print(io: Io, { report, ...more }: DemoOutcome, json: boolean): Promise<void> {
  if (json) return printJson(io, report)
  // npm and npx set it: then the command is not on the PATH, and `npx` finds it.
  const command = process.env['npm_lifecycle_event'] === undefined ? 'pathledger' : 'npx pathledger'
  await io.out(describeReport(report, { ...more, command, color: io.color }))
}

function interrupted(): PathledgerError {
  return new PathledgerError('INTERRUPTED', {
    message: 'The demo was interrupted.',
    why: 'A signal ended it.',
    todo: 'The engine was closed, and none of its loop devices is attached any more.',
    errno: 'EINTR',
  })
}

function wholeFrom(option: string, typed: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(typed) ? Number(typed) : Number.NaN
  if (value >= least && value <= most) return value
  throw usageError(
    `${option} ${typed} cannot be.`,
    `It is a whole number from ${least} to ${most}.`,
    `Write ${option} ${least === 1 ? 8 : least}.`,
  )
}
