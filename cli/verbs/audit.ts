// `pathledger audit`: questions, each answered by one query of the library.
import type { Command } from 'commander'
import type { FileReader } from '../../store/read/reader.ts'
import { QUESTIONS } from '../audit/questions.ts'
import type { OptionName, Options, Question } from '../audit/question.ts'
import { EXIT } from '../exit-codes.ts'
import { readNames } from '../names.ts'
import { paint, table } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

const OPTIONS: Readonly<Record<OptionName, readonly [flags: string, what: string]>> = {
  path: ['--path <P>', "one path: 'sda:0', its H:C:I:L, or its stream; default: all"],
  head: ['--head <H>', "one head: 'sda', its wwid, or its stream; default: all"],
  from: ['--from <P>', 'first position'],
  to: ['--to <P>', 'last position'],
  since: ['--since <TIME>', 'from this time on: ISO 8601, or -5m before the last event'],
  until: ['--until <TIME>', 'up to this time'],
  within: ['--within <DURATION>', 'how close together: 500ms, 2s, 5m, 1h'],
  every: ['--every <DURATION>', 'length of an interval: 500ms, 10s, 1m, 1h; default: 1m'],
  failures: ['--failures <N>', 'at least this many failures; default: 3'],
  offset: ['--offset <BYTE>', 'first byte of the block'],
  length: ['--length <BYTES>', 'bytes of the block; default: 1'],
}

export function addAudit(program: Command, cli: Cli): void {
  const audit = program
    .command('audit')
    .description('Ask a ledger what happened. Each question is one query.')
  withExamples(audit, [
    ['pathledger audit failovers demo.ledger', 'every failure of a path, with its first evidence'],
    ['pathledger audit path-history demo.ledger --path sda:0', 'the life of one path'],
    ['pathledger audit availability demo.ledger', 'time up and down, MTBF and MTTR'],
    [
      'pathledger audit first-failure night.ledger',
      'in a ledger made from logs: which path was first, and why?',
    ],
    ['pathledger audit invariants demo.ledger', 'was every rule kept that must always hold?'],
  ])
  for (const question of QUESTIONS) addQuestion(audit, cli, question)
}

function addQuestion(audit: Command, cli: Cli, question: Question): void {
  const { name, asks, example, options, required = [] } = question
  const command = audit.command(name).description(asks).argument('<file>', 'a ledger')
  for (const option of options) {
    if (required.includes(option)) command.requiredOption(...OPTIONS[option])
    else command.option(...OPTIONS[option])
  }
  command.action(async (file: string, given: Options) => {
    cli.exitCode = await withLedger(cli, file, given, (reader) => answer(cli, reader, question, given))
  })
  withJson(command)
  const always = required.map((option) => `--${option} 0`).join(' ')
  const line = `pathledger audit ${name} demo.ledger${always === '' ? '' : ` ${always}`}`
  withExamples(command, [
    [line, 'all of it'],
    ...(example === null ? [] : [[`${line} ${example[0]}`, example[1]] as const]),
  ])
}

/** Where a row is, whose name is the one of then; a row about all of a life has the last name. */
function placeOf(row: object): number | undefined {
  const { position, fromPosition } = row as { position?: unknown; fromPosition?: unknown }
  const at = position ?? fromPosition
  return typeof at === 'number' ? at : undefined
}

async function answer(
  { io }: Cli,
  reader: FileReader,
  question: Question,
  options: Options,
): Promise<number> {
  const rows = question.rows(reader, options)
  const nameOf = readNames(reader)
  if (options.json) {
    const named = rows.map((row) => {
      const stream = question.streamOf?.(row) ?? null
      return stream === null ? row : { name: nameOf(stream, placeOf(row)), ...row }
    })
    await printJson(io, { query: question.name, rows: named })
  } else {
    const printed = rows.length === 0 ? 'None.\n' : table(question.table(rows, nameOf, paint(io.color)))
    await io.out(printed)
  }
  const bad = question.isBad ?? (() => false)
  return rows.some(bad) ? EXIT.verification : EXIT.ok
}
