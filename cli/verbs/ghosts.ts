// `pathledger ghosts`: attempts of a running engine that may still land, and the operator's word that they cannot.
import type { Command } from 'commander'
import type { ControlRequest, GhostInfo } from '../../index.ts'
import { ask, withReason, withSocket, type EngineOptions } from '../engine-verb.ts'
import { usageError } from '../failure.ts'
import { lines } from '../text.ts'
import { withExamples, withJson, type Cli } from '../verb.ts'

export function addGhosts(program: Command, cli: Cli): void {
  const command = program
    .command('ghosts')
    .description(
      'List attempts that ended without proof: their writes may still land, and newer ones wait for them.',
    )
    .action(async (options: EngineOptions) => {
      await ask(cli, options, { verb: 'ghosts' }, ({ ghosts }: { ghosts: GhostInfo[] }) =>
        lines(ghosts.length === 0 ? ['no ghosts'] : ghosts.map(describe)),
      )
    })
  withJson(withSocket(command))
  addRelease(command, cli)
  withExamples(command, [
    ['pathledger ghosts --socket mp.sock', 'what may still land, and where'],
    ["pathledger ghosts release --socket mp.sock --reason 'port powered off'", 'your word that nothing can'],
  ])
}

function addRelease(parent: Command, cli: Cli): void {
  const command = parent
    .command('release')
    .description(
      'Say that ghosts are over: newer writes then go on. It is your word, with your reason, on the ledger.',
    )
    .argument('[ids...]', 'which; default: all of them')
    .action(async (ids: string[], _options: EngineOptions, self: Command) => {
      const options = self.optsWithGlobals<EngineOptions>()
      const { reason } = options
      if (reason === undefined) {
        throw usageError('A release needs a reason.', 'The auditor will ask for it.', 'Say --reason TEXT.')
      }
      const request: ControlRequest = { verb: 'ghostsRelease', reason, ...(ids.length === 0 ? {} : { ids }) }
      await ask(
        cli,
        options,
        request,
        ({ released }: { released: number }) => `${released} ghosts released\n`,
      )
    })
  withJson(withReason(withSocket(command)))
  withExamples(command, [
    ["pathledger ghosts release --socket mp.sock --reason 'port powered off'", 'all of them'],
  ])
}

function describe({ id, wwid, path, op, offset, length, reason, returned, foreign }: GhostInfo): string {
  const where = foreign ? ' of another engine' : ''
  const state = returned ? 'given back by the kernel' : 'the kernel still has it'
  return `${id}  ${wwid} ${path}${where}: ${op} of ${length} bytes at ${offset} (${reason}; ${state})`
}
