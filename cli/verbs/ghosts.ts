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
      'List ghosts: attempts that ended without proof. Their writes may still land, and newer writes wait for them.',
    )
    .action(async (options: EngineOptions) => {
      await ask(cli, options, { verb: 'ghosts' }, ({ ghosts }: { ghosts: GhostInfo[] }) =>
        lines(ghosts.length === 0 ? ['no ghosts'] : ghosts.map(describe)),
      )
    })
  withJson(withSocket(command))
  addRelease(command, cli)
  withExamples(command, [
    ['pathledger ghosts --socket mp.sock', 'which writes may still land, and where'],
    [
      "pathledger ghosts release --socket mp.sock --reason 'port powered off'",
      'state that they cannot land any more',
    ],
  ])
}

function addRelease(parent: Command, cli: Cli): void {
  const command = parent
    .command('release')
    .description(
      'End ghosts, so that newer writes continue. You state that they cannot land any more; the ledger records you and your reason.',
    )
    .argument('[ids...]', 'which ghosts; default: all of them')
    .action(async (ids: string[], _options: EngineOptions, self: Command) => {
      const options = self.optsWithGlobals<EngineOptions>()
      const { reason } = options
      if (reason === undefined) {
        throw usageError('A release needs a reason.', 'Auditors will ask for it.', 'Say --reason TEXT.')
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
