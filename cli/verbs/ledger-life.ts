// `pathledger snapshot`, `segment`, `backup` and `repair`: what is done to a ledger file as a whole.
import type { Command } from 'commander'
import { backupLedger, checkCaches, ledgerCaches, repairLedger } from '../../doors/ledger.ts'
import { segmentLedger } from '../../index.ts'
import type { CacheInfo, Repair } from '../../doors/ledger.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import { bytes, counted, lines, paint } from '../text.ts'
import { printJson, warnOfEnd, withExamples, withJson } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface SnapshotOptions {
  readonly make?: true
  readonly drop?: true
  readonly check?: true
  readonly json?: true
}

export function addSnapshot(program: Command, cli: Cli): void {
  const command = program
    .command('snapshot')
    .description(
      'List the snapshots and projections of a ledger, make them, delete them, or check them against the events.\n' +
        'They are caches and never change an answer. --check exits with 5 if one does not agree with the events.',
    )
    .argument('<file>', 'a ledger; for --make and --drop no engine may be using it')
    .option('--make', 'bring them up to the end')
    .option('--drop', 'delete them all')
    .option('--check', 'make each again in memory, and compare')
    .action(async (file: string, options: SnapshotOptions) => {
      cli.exitCode = await snapshot(cli, file, options)
    })
  withJson(command)
  withExamples(command, [
    ['pathledger snapshot mp.ledger', 'what there is'],
    ['pathledger snapshot mp.ledger --check', 'do they agree with the events?'],
    ['pathledger snapshot mp.ledger --drop', 'a smaller file, and slower answers'],
  ])
}

async function snapshot(cli: Cli, file: string, options: SnapshotOptions): Promise<number> {
  const { io } = cli
  const { make, drop, check, json } = options
  if ([make, drop, check].filter((one) => one === true).length > 1) {
    throw usageError(
      'Only one of --make, --drop and --check can be meant.',
      'They do different things.',
      'Leave out two.',
    )
  }
  await warnOfEnd(cli, file, options)
  if (check === true) {
    const found = checkCaches(file)
    if (json) await printJson(io, found)
    else await io.out(lines([found.equal ? 'equal' : `different: ${found.wrong.join(', ')}`]))
    return found.equal ? EXIT.ok : EXIT.verification
  }
  const info = ledgerCaches(file, make === true ? 'make' : drop === true ? 'drop' : 'list')
  if (json) await printJson(io, info)
  else await io.out(describeCaches(info))
  return EXIT.ok
}

function describeCaches({ snapshots, projections }: CacheInfo): string {
  const total = snapshots.reduce((sum, one) => sum + one.bytes, 0)
  const refused = snapshots.filter((one) => one.refused !== null)
  const last = snapshots.at(-1)
  return lines([
    `${counted(snapshots.length, 'snapshot')}${last === undefined ? '' : `, ${bytes(total)}, the last at position ${last.position}`}`,
    ...refused.map((one) => `  the one at position ${one.position} is not believed: ${one.refused ?? ''}`),
    ...projections.map(({ name, position }) => `${name} up to position ${position}`),
  ])
}

export function addSegment(program: Command, cli: Cli): void {
  const command = program
    .command('segment')
    .description(
      'Close a ledger that no engine is using, and begin the next segment in a new file, which takes over every state.\n' +
        'Nothing is deleted; `verify --segments` follows the chain. Open the engine with the new file from then on.',
    )
    .argument('<file>', 'the ledger to close')
    .argument('<next>', 'the file to begin, in the same folder; must not exist')
    .action(async (file: string, next: string, { json }: { readonly json?: true }) => {
      const { io } = cli
      await warnOfEnd(cli, file, { json })
      const closed = segmentLedger(file, next)
      if (json) await printJson(io, closed)
      else {
        await io.out(
          lines([
            `${closed.file} is closed after ${counted(closed.events, 'event')}, head ${closed.head}`,
            `${closed.next} continues with ${counted(closed.nextEvents, 'event')}`,
          ]),
        )
      }
    })
  withJson(command)
  withExamples(command, [
    ['pathledger segment mp.ledger mp-2.ledger', 'from now on the engine writes mp-2.ledger'],
    ['pathledger verify mp-2.ledger --segments', 'both files, and that they fit together'],
  ])
}

export function addBackup(program: Command, cli: Cli): void {
  const command = program
    .command('backup')
    .description('Make a consistent copy of a ledger, even while an engine writes it, and verify the copy.')
    .argument('<file>', 'a ledger')
    .argument('<copy>', 'the file to make; must not exist')
    .action(async (file: string, copy: string, { json }: { readonly json?: true }) => {
      const { io } = cli
      await warnOfEnd(cli, file, { json })
      const backup = backupLedger(file, copy)
      if (json) await printJson(io, backup)
      else
        await io.out(
          lines([`${backup.file}: ${counted(backup.events, 'event')}, chain ok, head ${backup.head}`]),
        )
    })
  withJson(command)
  withExamples(command, [['pathledger backup mp.ledger /backup/mp-2026-11-24.ledger', 'a file of its own']])
}

export function addRepair(program: Command, cli: Cli): void {
  const command = program
    .command('repair')
    .description(
      'Make a new ledger from everything in a damaged one up to the first bad position. Its last event says\n' +
        'what is missing. Later rows that can still be read go to NEW.dropped.ndjson. The damaged file is not touched.\n' +
        'Exits with 5 if something was lost. If the ledger is intact, exits with 0 and makes nothing.',
    )
    .argument('<file>', 'a damaged ledger')
    .argument('<new>', 'the ledger to make; must not exist')
    .action(async (file: string, made: string, { json }: { readonly json?: true }) => {
      const repair = repairLedger(file, made)
      if (json) await printJson(cli.io, repair)
      else await cli.io.out(describeRepair(repair, cli.io.color))
      cli.exitCode = repair.firstBad === null ? EXIT.ok : EXIT.verification
    })
  withJson(command)
  withExamples(command, [['pathledger repair mp.ledger mp-repaired.ledger', 'and read what it says is lost']])
}

function describeRepair(
  { file, kept, firstBad, why, claimed, dropped, droppedFile }: Repair,
  color: boolean,
): string {
  const { good, bad } = paint(color)
  if (firstBad === null) return `${good('whole')}: ${counted(kept, 'event')}; no ledger was made\n`
  const claim = claimed === null ? 'it does not say how many there were' : `its head counts ${claimed}`
  return lines([
    `${bad(`first bad position: ${firstBad}`)}  ${why}`,
    `kept ${counted(kept, 'event')} in ${file}; ${claim}`,
    droppedFile === null
      ? 'nothing behind them could be read'
      : `${counted(dropped, 'row')} behind them, unproved, in ${droppedFile}`,
  ])
}
