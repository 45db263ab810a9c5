// `pathledger sql`: one SELECT of the reader's own, bounded in rows and time, on a connection that cannot write.
import type { Command } from 'commander'
import { askSql, type SqlAnswer } from '../../doors/audit.ts'
import { oneLine } from '../show/describe-event.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import type { Io } from '../io.ts'
import { parseCount, parseDuration } from '../moment.ts'
import { counted, paint, table } from '../text.ts'
import { withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly rows?: string
  readonly time?: string
  readonly csv?: true
  readonly json?: true
}

export function addSql(program: Command, cli: Cli): void {
  const command = program
    .command('sql')
    .description(
      'Ask a ledger a SELECT of your own. It cannot write, attach or load anything; docs/ledger.md has the tables.',
    )
    .argument('<file>', 'a ledger; an engine may be writing it')
    .argument('<statement>', 'one SELECT')
    .option('--rows <N>', 'at most this many rows; default: 1000')
    .option('--time <DURATION>', 'time limit: 500ms, 10s, 5m; default: 10s')
    .option('--csv', 'print comma-separated values (RFC 4180), with the column names first')
    .action(async (file: string, statement: string, options: Options) => {
      await withLedger(cli, file, options, () => undefined)
      cli.exitCode = await run(cli.io, file, statement, options)
    })
  withJson(command, 'one JSON object per row')
  withExamples(command, [
    [
      'pathledger sql mp.ledger "SELECT type, count(*) FROM events GROUP BY type"',
      'how many events of each type',
    ],
    [
      `pathledger sql mp.ledger "SELECT position, stream, data ->> '$.first.errno' AS errno FROM events WHERE type = 'path.failed'" --csv`,
      'for a spreadsheet',
    ],
  ])
}

async function run(io: Io, file: string, statement: string, options: Options): Promise<number> {
  const { rows, time, csv, json } = options
  if (csv === true && json === true) {
    throw usageError(
      '--csv and --json cannot be given together.',
      'They are two output formats.',
      'Leave out one.',
    )
  }
  const answer = await askSql(file, statement, {
    ...(rows === undefined ? {} : { rowsMax: parseCount(rows) }),
    ...(time === undefined ? {} : { msMax: Math.max(1, Math.round(parseDuration(time) / 1000)) }),
  })
  if (csv === true) await io.out(csvOf(answer), 'exact')
  else await io.out(json === true ? ndjson(answer) : tableOf(answer, io))
  if (answer.more) {
    io.err(`There are more than ${counted(answer.rows.length, 'row')}: --rows allows more.\n`)
  }
  return EXIT.ok
}

/** Where two columns have one name, the last one counts, as it does in JSON itself. */
function ndjson({ columns, rows }: SqlAnswer): string {
  return rows
    .map((row) => `${JSON.stringify(Object.fromEntries(columns.map((name, at) => [name, row[at]])))}\n`)
    .join('')
}

function csvOf({ columns, rows }: SqlAnswer): string {
  return [columns, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('')
}

function csvCell(value: string | number | null): string {
  const text = value === null ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function tableOf({ columns, rows }: SqlAnswer, io: Io): string {
  const { dim } = paint(io.color)
  const cells = rows.map((row) => row.map((value) => (value === null ? dim('NULL') : oneLine(String(value)))))
  return table([columns.map((name) => dim(oneLine(name))), ...cells])
}
