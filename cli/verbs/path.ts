// `pathledger path`: the operator pulls a path of a running engine or puts it back, and takes its device through its states.
import type { Command } from 'commander'
import type { ControlRequest, PathValue } from '../../index.ts'
import { ask, withReason, withSocket, type EngineOptions } from '../engine-verb.ts'
import { lines } from '../text.ts'
import { withExamples, withJson, type Cli } from '../verb.ts'

interface PathAnswer {
  readonly name: string
  readonly hctl: string
  readonly state: PathValue
}

type PathVerb = Extract<ControlRequest, { path: string }>['verb']

const STEPS: readonly (readonly [word: string, verb: PathVerb, description: string])[] = [
  ['fail', 'pathFail', 'Send no more I/O down a path; nothing automatic undoes it.'],
  ['reinstate', 'pathReinstate', 'Let I/O go down a path again, when it is healthy.'],
  ['prefer', 'pathPrefer', 'Prefer a path: while it is well all I/O of its head goes there.'],
  ['block', 'pathBlock', 'Block the device of a path: I/O waits for it.'],
  ['unblock', 'pathUnblock', 'Unblock it: what waited goes on.'],
  ['quiesce', 'pathQuiesce', 'Let the device take no new I/O for now: I/O waits for it.'],
  ['resume', 'pathResume', 'Let a quiesced device take I/O again.'],
  ['offline', 'pathOffline', 'Set the device offline: nothing waits for it.'],
  [
    'transport-offline',
    'pathTransportOffline',
    'Say that the way to the device is gone: nothing waits for it.',
  ],
  ['online', 'pathOnline', 'Set a device that is offline running again.'],
  ['remove', 'pathRemove', 'Take a path out of its head, and let go of its device.'],
]

export function addPath(program: Command, cli: Cli): void {
  const command = program
    .command('path')
    .description('Pull a path of a running engine or put it back, and take its device through its states.')
  for (const [word, verb, description] of STEPS) addOne(command, cli, word, description, verb)
  withExamples(command, [
    ["pathledger path fail sda:1 --socket mp.sock --reason 'cable swap'", 'pull a path, and say why'],
    ['pathledger path reinstate sda:1 --socket mp.sock', 'put it back'],
    ['pathledger path block 9:0:0:0 --socket mp.sock', 'hold I/O back while the transport recovers'],
  ])
}

function addOne(parent: Command, cli: Cli, word: string, description: string, verb: PathVerb): void {
  const command = parent
    .command(word)
    .description(description)
    .argument('<path>', "its name or address: 'sda:1', '9:0:0:0'")
    .action(async (path: string, options: EngineOptions) => {
      const { reason } = options
      const request: ControlRequest = { verb, path, ...(reason === undefined ? {} : { reason }) }
      await ask(cli, options, request, ({ name, hctl, state }: PathAnswer) => {
        const { device, access, health, admin } = state
        return lines([`${name} (${hctl}) is ${admin}: ${device}, ${access}, ${health}`])
      })
    })
  withJson(withReason(withSocket(command)))
  withExamples(command, [[`pathledger path ${word} sda:1 --socket mp.sock`, description.toLowerCase()]])
}
