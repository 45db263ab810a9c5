// `pathledger path`: the operator pulls a path of a running engine, or puts it back.
import type { Command } from 'commander'
import type { ControlRequest, PathValue } from '../../index.ts'
import { ask, withReason, withSocket, type EngineOptions } from '../engine-verb.ts'
import { withExamples, withJson, type Cli } from '../verb.ts'

interface PathAnswer {
  readonly name: string
  readonly hctl: string
  readonly state: PathValue
}

export function addPath(program: Command, cli: Cli): void {
  const command = program.command('path').description('Pull a path of a running engine, or put it back.')
  addOne(command, cli, 'fail', 'Send no more I/O down a path; nothing automatic undoes it.', 'pathFail')
  addOne(command, cli, 'reinstate', 'Let I/O go down a path again, when it is healthy.', 'pathReinstate')
  withExamples(command, [
    ["pathledger path fail sda:1 --socket mp.sock --reason 'cable swap'", 'pull a path, and say why'],
    ['pathledger path reinstate sda:1 --socket mp.sock', 'put it back'],
  ])
}

function addOne(
  parent: Command,
  cli: Cli,
  word: string,
  description: string,
  verb: 'pathFail' | 'pathReinstate',
): void {
  const command = parent
    .command(word)
    .description(description)
    .argument('<path>', "its name or address: 'sda:1', '9:0:0:0'")
    .action(async (path: string, options: EngineOptions) => {
      const { reason } = options
      const request: ControlRequest = { verb, path, ...(reason === undefined ? {} : { reason }) }
      await ask(cli, options, request, ({ name, hctl, state }: PathAnswer) => {
        const { device, access, health, admin } = state
        return `${name} (${hctl}) is ${admin}: ${device}, ${access}, ${health}\n`
      })
    })
  withJson(withReason(withSocket(command)))
  withExamples(command, [[`pathledger path ${word} sda:1 --socket mp.sock`, description.toLowerCase()]])
}
