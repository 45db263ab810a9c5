// `pathledger log`: the events as they were recorded, one line each.
import type { Command } from 'commander'
import { PathledgerError } from '../../errors.ts'
import { pages } from '../../doors/ledger.ts'
import type { FileReader } from '../../store/read/reader.ts'
import type { ReadQuery, StoredEvent } from '../../store/types.ts'
import { describeEvent } from '../show/describe-event.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import type { Io } from '../io.ts'
import { isoOf, parsePosition, timeOf } from '../moment.ts'
import { readNames } from '../names.ts'
import { paint, parseJson } from '../text.ts'
import { withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly stream?: string
  readonly type?: string
  readonly from?: string
  readonly to?: string
  readonly since?: string
  readonly until?: string
  readonly limit?: string
  readonly json?: true
}

export function addLog(program: Command, cli: Cli): void {
  const command = program
    .command('log')
    .description('Print the events of a ledger in order, one line each.')
    .argument('<file>', 'a ledger; an engine may be writing it')
    .option('--stream <S>', "one stream: 'path/<wwid>/<H:C:I:L>', 'head/<wwid>', 'lun/<wwid>' or 'engine'")
    .option('--type <T>', "one type of event: 'path.failed'")
    .option('--from <P>', 'first position')
    .option('--to <P>', 'last position')
    .option('--since <TIME>', 'first time: ISO 8601, or -5m before the last event')
    .option('--until <TIME>', 'last time')
    .option('--limit <N>', 'at most so many events')
    .action(async (file: string, options: Options) => {
      cli.exitCode = await withLedger(cli, file, options, (reader) => run(cli.io, reader, options))
    })
  withJson(command, 'one JSON object per line')
  withExamples(command, [
    ['pathledger log demo.ledger', 'everything'],
    ['pathledger log demo.ledger --type path.failed --json', 'every path failure, for a program'],
    ['pathledger log demo.ledger --since -2s --limit 20', 'how the last two seconds began'],
  ])
}

async function run(io: Io, reader: FileReader, options: Options): Promise<number> {
  const query = queryOf(reader, options)
  const line = options.json ? jsonLine : readableLine(io, reader)
  let left = options.limit === undefined ? Infinity : parseLimit(options.limit)
  let found = false
  for (const page of pages(reader, query)) {
    found = true
    await io.out(
      page
        .slice(0, left)
        .map((event) => `${line(event)}\n`)
        .join(''),
    )
    left -= page.length
    if (left <= 0) break
  }
  if (!found) refuseUnknown(reader, query)
  return EXIT.ok
}

function queryOf(reader: FileReader, { stream, type, from, to, since, until }: Options): ReadQuery {
  const query = {
    ...(stream === undefined ? {} : { stream }),
    ...(type === undefined ? {} : { type }),
    ...(from === undefined ? {} : { fromPosition: parsePosition(from) }),
    ...(to === undefined ? {} : { toPosition: parsePosition(to) }),
    ...(since === undefined ? {} : { fromTimeUs: timeOf(reader, since) }),
    ...(until === undefined ? {} : { toTimeUs: timeOf(reader, until) }),
  }
  const { fromPosition = 0, toPosition = Infinity, fromTimeUs = -Infinity, toTimeUs = Infinity } = query
  if (fromPosition <= toPosition && fromTimeUs <= toTimeUs) return query
  throw usageError('This range is empty.', 'Its end lies before its beginning.', 'Swap them.')
}

function parseLimit(typed: string): number {
  const limit = /^\d{1,15}$/.test(typed) ? Number(typed) : 0
  if (limit > 0) return limit
  throw usageError(`'${typed}' is not a limit.`, 'It is a whole number from 1.', 'Write --limit 20.')
}

/** Nothing was found: a stream or type that is nowhere on the ledger is more likely a slip than a question. */
function refuseUnknown(reader: FileReader, { stream, type }: ReadQuery): void {
  const asked = { ...(stream === undefined ? {} : { stream }), ...(type === undefined ? {} : { type }) }
  for (const [column, value] of Object.entries(asked)) {
    if (reader.read({ [column]: value, limit: 1 }).length > 0) continue
    const there = reader.select(`SELECT DISTINCT ${column} AS name FROM events ORDER BY 1 LIMIT 50`)
    throw new PathledgerError('EVENTS_NOT_FOUND', {
      message: `There is no event of ${column} '${value}' on this ledger.`,
      why: `There are ${there.map((row) => (row as { name: string }).name).join(', ')}.`,
      todo: 'Use one of these.',
    })
  }
}

function readableLine(io: Io, reader: FileReader): (event: StoredEvent) => string {
  const nameOf = readNames(reader)
  const colours = paint(io.color)
  return (event) => describeEvent(event, nameOf, colours)
}

/** Every column of the row, `data` and `decision` as JSON, the hash in hex; `time` is recordedAtUs for people. */
function jsonLine(event: StoredEvent): string {
  const { position, eventId, stream, version, type, schema, recordedAtUs, monoUs, bootId } = event
  const { cause, actor, reason, data, decision, hash } = event
  return JSON.stringify({
    position,
    time: isoOf(recordedAtUs),
    stream,
    version,
    type,
    cause,
    actor,
    reason,
    data: parseJson(data),
    decision: parseJson(decision),
    eventId,
    schema,
    recordedAtUs,
    monoUs,
    bootId,
    hash: Buffer.from(hash).toString('hex'),
  })
}
