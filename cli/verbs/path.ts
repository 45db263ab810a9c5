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
  ['fail', 'pathFail', 'Disable a path: no more I/O goes down it, and nothing automatic undoes this.'],
  ['reinstate', 'pathReinstate', 'Enable a path again: I/O goes down it if it is healthy.'],
  ['prefer', 'pathPrefer', 'Prefer a path: while it is well, all I/O of its head goes there.'],
  ['block', 'pathBlock', 'Block the device of a path: I/O waits for it.'],
  ['unblock', 'pathUnblock', 'Unblock the device: I/O that waited continues.'],
  ['quiesce', 'pathQuiesce', 'Quiesce the device: it takes no new I/O for now, and I/O waits for it.'],
  ['resume', 'pathResume', 'Let a quiesced device take I/O again.'],
  ['offline', 'pathOffline', 'Set the device offline: no I/O waits for it.'],
  [
    'transport-offline',
    'pathTransportOffline',
    'Report that the transport to the device is gone: no I/O waits for it.',
  ],
  ['online', 'pathOnline', 'Set an offline device to running again.'],
  ['remove', 'pathRemove', 'Remove a path from its head, and close its device.'],
]

export function addPath(program: Command, cli: Cli): void {
  const command = program
    .command('path')
    .description('Disable or enable a path of a running engine, or change the state of its device.')
  for (const [word, verb, description] of STEPS) addOne(command, cli, word, description, verb)
  withExamples(command, [
    ["pathledger path fail sda:1 --socket mp.sock --reason 'cable swap'", 'disable a path, and say why'],
    ['pathledger path reinstate sda:1 --socket mp.sock', 'enable it again'],
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
