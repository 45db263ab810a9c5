// `pathledger sysfs`: /sys as it would show heads and paths, of a running engine or of a ledger at any position.
import type { Command } from 'commander'
import { ledgerSysfs, readSysfs } from '../../doors/ledger.ts'
import { askEngine, materialiseSysfs, systemClock, type ControlRequest, type SysfsTree } from '../../index.ts'
import { ask, withReason, withSocket, type EngineOptions } from '../engine-verb.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import { isoOf, MOMENT_HELP, positionOf } from '../moment.ts'
import { describeSysfs } from '../show/sysfs-listing.ts'
import { printJson, withExamples, withJson, withLedger, type Cli } from '../verb.ts'

interface Options extends EngineOptions {
  readonly ledger?: string
  readonly at?: string
}

export function addSysfs(program: Command, cli: Cli): void {
  const command = program
    .command('sysfs')
    .description('Print what /sys would show of heads and paths, or write it to a directory for ls and cat.')
    .argument('[dir]', 'the directory to use as /sys: new, empty, or an earlier tree, which is replaced')
    .action((directory: string | undefined, options: Options) => show(cli, directory, options))
  withJson(withSource(command))
  addGet(command, cli)
  addSet(command, cli)
  withExamples(command, [
    ['pathledger sysfs --socket mp.sock', 'what ls and cat would print, for a running engine'],
    ['pathledger sysfs sys --ledger mp.ledger --at 57', 'the tree right after position 57, under ./sys'],
    ['pathledger sysfs get class/scsi_mpath_device/0/wwid --socket mp.sock', 'one attribute'],
    ['pathledger sysfs set class/scsi_mpath_device/0/iopolicy round-robin --socket mp.sock', 'change one'],
  ])
}

function withSource(command: Command): Command {
  return withSocket(command)
    .option('--ledger <FILE>', 'a ledger; an engine may be writing it')
    .option('--at <POSITION|TIME>', `when, in the ledger; default: at the end. ${MOMENT_HELP}`)
}

function addGet(parent: Command, cli: Cli): void {
  const command = parent
    .command('get')
    .description('Print the value of an attribute.')
    .argument('<path>', "'/sys/class/scsi_mpath_device/0/wwid', or without /sys")
    .action(async (path: string, _options: Options, self: Command) => {
      const options = self.optsWithGlobals<Options>()
      if (asksEngine(options)) {
        const request: ControlRequest = { verb: 'sysfsGet', attribute: path }
        return ask(cli, options, request, ({ content }: { content: string }) => content)
      }
      const content = readSysfs(await treeOf(cli, options), path)
      if (options.json) await printJson(cli.io, { attribute: path, content })
      else await cli.io.out(content)
      cli.exitCode = EXIT.ok
    })
  withJson(withSource(command))
  withExamples(command, [
    ['pathledger sysfs get block/sda:1/mpath_dev --socket mp.sock', "'8:0', and a newline"],
  ])
}

function addSet(parent: Command, cli: Cli): void {
  const command = parent
    .command('set')
    .description('Write an attribute of a running engine. Its ledger records who did it and why.')
    .argument('<path>', "'/sys/class/scsi_mpath_device/0/iopolicy', or without /sys")
    .argument('<value>', 'as echo would write it; one newline at the end is ignored')
    .action(async (path: string, value: string, _options: Options, self: Command) => {
      const options = self.optsWithGlobals<Options>()
      if (options.ledger !== undefined || options.at !== undefined) {
        throw usageError(
          'A ledger is not written.',
          'It is a record.',
          'Give --socket FILE of a running engine.',
        )
      }
      const { reason } = options
      const said = reason === undefined ? {} : { reason }
      const request: ControlRequest = { verb: 'sysfsSet', attribute: path, value, ...said }
      await ask(cli, options, request, ({ bytes }: { bytes: number }) => `${bytes} bytes written\n`)
    })
  withJson(withReason(withSource(command)))
  withExamples(command, [
    [
      'pathledger sysfs set block/sda/delayed_removal_secs 30 --socket mp.sock',
      'outlive the last path by 30 s',
    ],
  ])
}

async function show(cli: Cli, directory: string | undefined, options: Options): Promise<void> {
  const tree = await treeOf(cli, options)
  const { position, timeUs, entries } = tree
  if (directory !== undefined) materialiseSysfs(tree, directory)
  if (options.json) await printJson(cli.io, { position, time: isoOf(timeUs), entries })
  else if (directory === undefined) await cli.io.out(describeSysfs(tree))
  else cli.io.err(`${directory}: /sys at position ${position}, ${isoOf(timeUs)}\n`)
  cli.exitCode = EXIT.ok
}

async function treeOf(cli: Cli, options: Options): Promise<SysfsTree> {
  const { socket, ledger, at } = options
  if (asksEngine(options)) return (await askEngine(socket ?? '', { verb: 'sysfs' }, systemClock)) as SysfsTree
  if (ledger === undefined) {
    throw usageError(
      'Whose /sys?',
      'The command needs a running engine or a ledger.',
      'Give --socket FILE or --ledger FILE.',
    )
  }
  return withLedger(cli, ledger, options, (reader) =>
    ledgerSysfs(reader, at === undefined ? reader.head().events : positionOf(reader, at)),
  )
}

/** A ledger tells of any time, a running engine of now: one of them is asked. */
function asksEngine({ socket, ledger, at }: Options): boolean {
  if (socket !== undefined && (ledger !== undefined || at !== undefined)) {
    throw usageError(
      'A running engine can only report its present state.',
      '--ledger and --at are about a ledger.',
      'Leave out --socket, or both of these.',
    )
  }
  return socket !== undefined
}
