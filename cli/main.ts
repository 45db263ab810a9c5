// The `pathledger` command. Every verb is one library call plus printing; what a verb answers is its exit code.
import { Command, CommanderError } from 'commander'
import { VERSION } from '../index.ts'
import { EXIT } from './exit-codes.ts'
import { tellFailure, usageError } from './failure.ts'
import { OutputClosed, processIo } from './io.ts'
import type { Io } from './io.ts'
import { printable } from './text.ts'
import { withExamples } from './verb.ts'
import type { Cli } from './verb.ts'
import { addAudit } from './verbs/audit.ts'
import { addCounters } from './verbs/counters.ts'
import { addDemo } from './verbs/demo.ts'
import { addDiff } from './verbs/diff.ts'
import { addDrain } from './verbs/drain.ts'
import { addExplain } from './verbs/explain.ts'
import { addGhosts } from './verbs/ghosts.ts'
import { addLog } from './verbs/log.ts'
import { addPath } from './verbs/path.ts'
import { addObserve } from './verbs/observe.ts'
import { addReservation } from './verbs/reservation.ts'
import { addReplay } from './verbs/replay.ts'
import { addShow } from './verbs/show.ts'
import { addSimulate } from './verbs/simulate.ts'
import { addSql } from './verbs/sql.ts'
import { addTopology } from './verbs/topology.ts'
import { addSysfs } from './verbs/sysfs.ts'
import { addIncident } from './verbs/incident.ts'
import { addIngest } from './verbs/ingest.ts'
import { addHead } from './verbs/head.ts'
import { addBackup, addRepair, addSegment, addSnapshot } from './verbs/ledger-life.ts'
import { addExport, addImport } from './verbs/transfer.ts'
import { addVerify } from './verbs/verify.ts'
import { addWhatIf } from './verbs/what-if.ts'

/**
 * Runs the command with these arguments (without node and the script) and resolves with its exit code. Never rejects.
 */
export async function main(argv: readonly string[], outside: Io = processIo()): Promise<number> {
  const io = guarded(outside)
  const json = argv.includes('--json')
  try {
    return await run(argv, io)
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.ok
    return tellFailure(io, error, json)
  }
}

/** The one edge at which text becomes what a terminal gets: {@link printable}, whoever prints, data and errors alike. */
function guarded(io: Io): Io {
  return {
    ...io,
    out: (text, form) => {
      if (form !== 'exact') return io.out(printable(text))
      return io.out(io.terminal ? printable(text.replaceAll('\r\n', '\n')) : text)
    },
    err: (text) => io.err(printable(text)),
  }
}

async function run(argv: readonly string[], io: Io): Promise<number> {
  const cli: Cli = { io, exitCode: EXIT.ok }
  // Commander prints synchronously; what it printed goes out with the rest, where a closed pipe is noticed.
  const printed: string[] = []
  const program = createProgram(cli, (text) => void printed.push(text))
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw commandLineError(error)
  }
  for (const text of printed) await io.out(text)
  return cli.exitCode
}

function createProgram(cli: Cli, print: (text: string) => void): Command {
  const program = new Command('pathledger')
    .description('A multipath block layer in user space whose every decision is on a ledger.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: ignore, outputError: ignore })
    .showSuggestionAfterError(true)
  withExamples(program, [
    ['pathledger demo', 'three paths to one disk fail in turn under load, and no data is lost'],
    ['pathledger demo --ledger demo.ledger', 'the same, and keep the ledger'],
    ['pathledger log demo.ledger', 'what happened, one line per event'],
    ['pathledger show demo.ledger --at -2s', 'heads, paths and their states at any position or time'],
    ['pathledger verify demo.ledger', 'is the ledger intact, and does its replay agree with it?'],
    ['pathledger audit failovers demo.ledger', 'every failover with its first evidence'],
  ])
  program.addHelpText('after', EXIT_HELP)
  const add = [
    addDemo,
    addLog,
    addShow,
    addReplay,
    addDiff,
    addWhatIf,
    addVerify,
    addHead,
    addSnapshot,
    addSegment,
    addBackup,
    addIngest,
    addObserve,
    addExport,
    addImport,
    addRepair,
    addExplain,
    addIncident,
    addTopology,
    addAudit,
    addSql,
    addSimulate,
    addPath,
    addCounters,
    addDrain,
    addGhosts,
    addReservation,
    addSysfs,
  ]
  for (const verb of add) verb(program, cli)
  return program
}

const EXIT_HELP = `
Every command takes --json: data on stdout, errors as one JSON object on stderr.
Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict or locked, 5 verification failed, 6 I/O or permission,
7 whole, but its end may be missing (verify), 70 a bug of pathledger.`

/** Commander's refusal in our words: what, why, and where to read on. */
function commandLineError({ code, message }: CommanderError): Error {
  if (code === 'commander.help') {
    return usageError(
      'No command was given.',
      'pathledger does nothing by itself.',
      'Try `pathledger --help`.',
    )
  }
  // 'error: unknown command 'lgo'\n(Did you mean log?)', 'error: too many arguments. Expected 1 argument but got 2.'
  const [what = '', ...more] = message.replace(/^error: /, '').split(/\n|(?<=\.) /)
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1).replace(/\.+$/, '')}.`
  const why = more
    .join(' ')
    .replace(/^\((.*)\)$/, '$1')
    .replace(/\.+$/, '.')
  return usageError(
    sentence,
    why === '' ? 'Nothing was done.' : why,
    'Try `pathledger --help`, or --help after a command.',
  )
}

function ignore(): void {
  // What commander would print on stderr is told by failure.ts.
}
