// `pathledger audit`: four questions, each answered by one query of the library.
import type { Command } from 'commander'
import { failovers, ioByPath, pathHistory, timeInState } from '../../index.ts'
import type { PathRange } from '../../index.ts'
import type { FileReader } from '../../store/reader.ts'
import { failoverTable, historyTable, ioTable, stateTable } from '../audit-tables.ts'
import { EXIT } from '../exit-codes.ts'
import { parsePosition, timeOf } from '../moment.ts'
import { findPath, readNames } from '../names.ts'
import type { NameOf } from '../names.ts'
import { paint, table } from '../text.ts'
import type { Paint } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly path?: string
  readonly from?: string
  readonly to?: string
  readonly since?: string
  readonly until?: string
  readonly json?: true
}

type OptionName = 'path' | 'from' | 'to' | 'since' | 'until'

interface Question<Row extends { readonly path: string }> {
  readonly name: string
  readonly asks: string
  readonly example: readonly [options: string, what: string]
  readonly options: readonly OptionName[]
  readonly rows: (reader: FileReader, options: Options) => readonly Row[]
  readonly table: (rows: readonly Row[], nameOf: NameOf, paint: Paint) => string[][]
}

const OPTIONS: Readonly<Record<OptionName, readonly [flags: string, what: string]>> = {
  path: ['--path <P>', "one path: 'sda:0', its H:C:I:L, or its stream; default: all"],
  from: ['--from <P>', 'first position'],
  to: ['--to <P>', 'last position'],
  since: ['--since <TIME>', 'from this time on: ISO 8601, or -5m before the last event'],
  until: ['--until <TIME>', 'up to this time'],
}

export function addAudit(program: Command, cli: Cli): void {
  const audit = program.command('audit').description('Ask a ledger what happened: four questions.')
  withExamples(audit, [
    ['pathledger audit failovers demo.ledger', 'every failure of a path, with its first evidence'],
    ['pathledger audit path-history demo.ledger --path sda:0', 'the life of one path'],
  ])
  addQuestion(audit, cli, {
    name: 'path-history',
    asks: 'What happened to a path, or to all of them, with the state after each event?',
    example: ['--path sda:0', 'the life of one path'],
    options: ['path', 'from', 'to'],
    rows: (reader, options) => pathHistory(reader, rangeOf(reader, options)),
    table: historyTable,
  })
  addQuestion(audit, cli, {
    name: 'failovers',
    asks: 'When did paths fail, on what evidence, and how much I/O was sent again?',
    example: ['--json', 'for a program: {"query","rows"}'],
    options: ['path', 'from', 'to'],
    rows: (reader, options) => failovers(reader, rangeOf(reader, options)),
    table: failoverTable,
  })
  addQuestion(audit, cli, {
    name: 'time-in-state',
    asks: 'How long was each path online, marginal, failed or probing, and how long was it usable?',
    example: ['--until -1m', 'up to a minute before the last event'],
    options: ['path', 'until'],
    rows: (reader, { path, until }) =>
      timeInState(reader, {
        ...(path === undefined ? {} : { path: findPath(reader, path) }),
        ...(until === undefined ? {} : { endUs: timeOf(reader, until) }),
      }),
    table: stateTable,
  })
  addQuestion(audit, cli, {
    name: 'io-by-path',
    asks: 'How much I/O went down each path?',
    example: ['--since -5m', 'in the last five minutes'],
    options: ['path', 'since', 'until'],
    rows: (reader, { path, since, until }) =>
      ioByPath(reader, {
        ...(path === undefined ? {} : { path: findPath(reader, path) }),
        ...(since === undefined ? {} : { fromUs: timeOf(reader, since) }),
        ...(until === undefined ? {} : { toUs: timeOf(reader, until) }),
      }),
    table: ioTable,
  })
}

function addQuestion<Row extends { readonly path: string }>(
  audit: Command,
  cli: Cli,
  question: Question<Row>,
): void {
  const { name, asks, example, options } = question
  const command = audit.command(name).description(asks).argument('<file>', 'a ledger')
  for (const option of options) command.option(...OPTIONS[option])
  command.action(async (file: string, given: Options) => {
    cli.exitCode = await withLedger(file, (reader) => answer(cli, reader, question, given))
  })
  withJson(command)
  withExamples(command, [
    [`pathledger audit ${name} demo.ledger`, 'of every path'],
    [`pathledger audit ${name} demo.ledger ${example[0]}`, example[1]],
  ])
}

async function answer<Row extends { readonly path: string }>(
  { io }: Cli,
  reader: FileReader,
  question: Question<Row>,
  options: Options,
): Promise<number> {
  const rows = question.rows(reader, options)
  const nameOf = readNames(reader)
  if (options.json) {
    const named = rows.map((row) => ({ name: nameOf(row.path), ...row }))
    await printJson(io, { query: question.name, rows: named })
  } else {
    const printed = rows.length === 0 ? 'None.\n' : table(question.table(rows, nameOf, paint(io.color)))
    await io.out(printed)
  }
  return EXIT.ok
}

function rangeOf(reader: FileReader, { path, from, to }: Options): PathRange {
  return {
    ...(path === undefined ? {} : { path: findPath(reader, path) }),
    ...(from === undefined ? {} : { fromPosition: parsePosition(from) }),
    ...(to === undefined ? {} : { toPosition: parsePosition(to) }),
  }
}
