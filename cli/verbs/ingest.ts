// `pathledger ingest`: the logs of a host that others run, as a ledger of observations.
import type { Command } from 'commander'
import { ingest, LOG_FILES, XSTATE_VERSION } from '../../doors/ledger.ts'
import type { Ingested } from '../../doors/ledger.ts'
import { VERSION } from '../../index.ts'
import { usageError } from '../failure.ts'
import { startProgress } from '../progress.ts'
import { counted, figure, lines } from '../text.ts'
import { printJson, withExamples, withJson } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly host?: string
  readonly zone?: string
  readonly now?: string
  readonly takenAt: readonly string[]
  readonly showUnread?: true
  readonly json?: true
}

export function addIngest(program: Command, { io }: Cli): void {
  const command = program
    .command('ingest')
    .description(
      'Read logs and snapshots of another host (journals, kernel logs, uevents, multipath -ll, ...) into a\n' +
        'ledger of observations. Reading the same files again adds nothing. Lines that are not understood are kept, and are not an error.',
    )
    .argument('<ledger>', 'the ledger to make, or a ledger of observations to add to')
    .argument('<file...>', 'files and folders; compressed ones are unpacked')
    .option('--host <name>', 'which host, if the sources come from several')
    .option('--zone <zone>', 'time zone of timestamps that name none: Europe/Berlin, CET, +01:00')
    .option('--now <time>', 'the day the logs were taken; it decides the year of timestamps that have none')
    .option(
      '--taken-at <file=time>',
      'when a snapshot without a date was taken; may be repeated',
      collect,
      [],
    )
    .option('--show-unread', 'print the lines that were not understood, in groups')
    .action(async (ledger: string, files: readonly string[], options: Options) => {
      const progress = startProgress(io, 'bytes', options.json !== true)
      const done = await ingest(ledger, LOG_FILES, files, {
        ...(options.host === undefined ? {} : { host: options.host }),
        ...(options.zone === undefined ? {} : { zone: options.zone }),
        ...(options.now === undefined ? {} : { nowUs: timeOf('--now', options.now) }),
        takenAt: new Map(options.takenAt.map(taken)),
        progress: ({ bytes, of }) => progress.update(bytes, of),
        engine: VERSION,
        xstate: XSTATE_VERSION,
        lockedAtUs: Date.now() * 1000,
      })
      progress.end()
      if (options.json === true) await printJson(io, documentOf(ledger, done))
      else await io.out(textOf(ledger, done, options.showUnread === true))
    })
  withJson(command)
  withExamples(command, [
    ['pathledger ingest night.ledger journal.txt', 'what `journalctl -o short-iso-precise` printed'],
    ['pathledger ingest night.ledger sosreport-db01/ --zone Europe/Berlin', 'a folder of everything'],
  ])
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function timeOf(option: string, text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms))
    throw usageError(
      `${option} does not take '${text}'.`,
      'It is no time.',
      'Write it as 2026-02-03T10:00:00Z.',
    )
  return ms * 1000
}

function taken(text: string): [string, number] {
  const at = text.lastIndexOf('=')
  if (at <= 0)
    throw usageError(
      `--taken-at does not take '${text}'.`,
      'It is a file and a time, with = between.',
      'Write multipath-ll.txt=2026-02-03T10:00:00Z.',
    )
  return [text.slice(0, at), timeOf('--taken-at', text.slice(at + 1))]
}

function countsOf({ sources }: Ingested): Record<string, number> {
  const sum = (pick: (source: Ingested['sources'][number]) => number): number =>
    sources.reduce((total, source) => total + pick(source), 0)
  return {
    lines: sum(({ lines }) => lines),
    witness: sum(({ witness }) => witness),
    context: sum(({ context }) => context),
    noise: sum(({ noise }) => noise),
    unread: sum(({ unread }) => unread),
  }
}

function documentOf(ledger: string, done: Ingested): Record<string, unknown> {
  const { host, events, known, facts, unreadGroups } = done
  return { ledger, host, events, known, facts, ...countsOf(done), unreadGroups }
}

function textOf(ledger: string, done: Ingested, showUnread: boolean): string {
  const { lines: read = 0, witness = 0, context = 0, noise = 0, unread = 0 } = countsOf(done)
  const groups = showUnread
    ? done.unreadGroups.map(({ count, like }) => `${String(count).padStart(8)}  ${like}`)
    : []
  const host = done.host === '' ? 'a host without a name' : done.host
  const known = done.known === 0 ? '' : `, ${figure(done.known)} were there already`
  return lines([
    `${ledger}: ${counted(done.events, 'event')} of ${host}${known}`,
    `${counted(read, 'line')}: ${figure(witness)} witness, ${figure(context)} context, ${figure(noise)} known noise, ${figure(unread)} unread`,
    ...groups,
  ])
}
