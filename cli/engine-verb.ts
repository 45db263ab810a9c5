// What the verbs for a running engine share: where its control socket is, and asking it.
import type { Command } from 'commander'
import { askEngine, systemClock, type ControlRequest } from '../index.ts'
import { EXIT } from './exit-codes.ts'
import { usageError } from './failure.ts'
import { counted } from './text.ts'
import { printJson, type Cli } from './verb.ts'

export interface EngineOptions {
  readonly socket?: string
  readonly reason?: string
  readonly json?: true
}

/** The option that says which engine. */
export function withSocket(command: Command): Command {
  return command.option('--socket <FILE>', 'control socket of the running engine (its option controlSocket)')
}

/** The option that says why; it is on the ledger for ever. */
export function withReason(command: Command): Command {
  return command.option('--reason <TEXT>', 'why, in your words; it goes onto the ledger with your uid')
}

/** Asks the engine and prints its answer: as JSON, or as `describe` puts it. */
export async function ask(
  cli: Cli,
  options: EngineOptions,
  request: ControlRequest,
  describe: (result: never) => string,
): Promise<void> {
  const { socket, json } = options
  if (socket === undefined) {
    throw usageError(
      'Which engine?',
      'This verb talks to a running engine through its control socket.',
      'Say --socket FILE.',
    )
  }
  const result = await askEngine(socket, request, systemClock)
  if (json) await printJson(cli.io, result)
  else await cli.io.out(`${describe(result as never)}${describeCountdowns(result as Counting)}`)
  cli.exitCode = EXIT.ok
}

interface Counting {
  readonly countdowns?: readonly {
    readonly head: string
    readonly checksLeft: number
    readonly nextCheckMs: number
  }[]
}

/** A line for each head whose I/O waits for a path and will not wait for ever. */
function describeCountdowns({ countdowns = [] }: Counting): string {
  return countdowns
    .map(
      ({ head, checksLeft, nextCheckMs }) =>
        `${head}: no path; ${counted(checksLeft, 'check')} left until its I/O fails (next in ${nextCheckMs} ms)\n`,
    )
    .join('')
}
