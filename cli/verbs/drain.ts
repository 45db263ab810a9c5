// `pathledger drain`: the operator ends what waits on a head of a running engine.
import type { Command } from 'commander'
import type { ControlRequest } from '../../index.ts'
import { ask, withReason, withSocket, type EngineOptions } from '../engine-verb.ts'
import { usageError } from '../failure.ts'
import { withExamples, withJson, type Cli } from '../verb.ts'

interface Options extends EngineOptions {
  readonly fail?: true
}

export function addDrain(program: Command, cli: Cli): void {
  const command = program
    .command('drain')
    .description('End the I/O that waits on a head: for a path, for a ghost, for memory.')
    .argument('<head>', "its name or wwid: 'sda'")
    .option('--fail', 'confirms: end it with an error; each caller gets DRAINED')
    .action(async (head: string, options: Options) => {
      const { reason, fail } = options
      if (!fail) throw notSaid()
      const request: ControlRequest = { verb: 'drain', head, ...(reason === undefined ? {} : { reason }) }
      await ask(
        cli,
        options,
        request,
        ({ bios, bytes }: { bios: number; bytes: number }) =>
          `${head}: ${bios} I/Os of ${bytes} bytes ended\n`,
      )
    })
  withJson(withReason(withSocket(command)))
  withExamples(command, [
    [
      "pathledger drain sda --fail --socket mp.sock --reason 'array is gone'",
      'callers get their errors at once',
    ],
  ])
}

function notSaid(): Error {
  return usageError(
    'drain ends I/O with an error.',
    'Callers that would have waited for a path get DRAINED instead.',
    'If you want that, add --fail.',
  )
}
