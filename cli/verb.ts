// What the verbs share: their options, their help, and how a ledger is opened for one.
import type { Command } from 'commander'
import { refuseWrongDerived } from '../doors/ledger.ts'
import { openLedgerReader } from '../index.ts'
import type { FileReader } from '../store/read/reader.ts'
import type { Io } from './io.ts'
import { lines } from './text.ts'

/** One run of the command. A verb leaves its exit code here. */
export interface Cli {
  readonly io: Io
  exitCode: number
}

/** Puts examples in front of a command's help: most people want a line to copy. */
export function withExamples(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}  ${what}`)
  return command.addHelpText('before', `Examples:\n${lines.join('\n')}\n`)
}

/** The option that every verb has. */
export function withJson(command: Command, what = 'one JSON document'): Command {
  return command.option('--json', `print ${what}`)
}

/** What is said of a file whose last run has no end, and beside which there is no write-ahead log. */
export const END_MISSING =
  'The last run on this ledger has no end, and FILE-wal is not beside it: the file was copied alone, or lost its log. ' +
  'What was committed last may be missing. Copy both together, or with `pathledger backup`.'

/**
 * Opens a ledger for reading, and lets go of it whatever happens. An index or a cache that says otherwise than the rows answers
 * nothing; where the end may be missing, that is said first, on stderr.
 */
export async function withLedger<Answer>(
  cli: Pick<Cli, 'io'>,
  file: string,
  options: { readonly json?: boolean | undefined },
  use: (reader: FileReader) => Promise<Answer> | Answer,
): Promise<Answer> {
  refuseWrongDerived(file)
  return opened(cli, file, options, use)
}

async function opened<Answer>(
  { io }: Pick<Cli, 'io'>,
  file: string,
  { json }: { readonly json?: boolean | undefined },
  use: (reader: FileReader) => Promise<Answer> | Answer,
): Promise<Answer> {
  const reader = openLedgerReader(file)
  try {
    if (reader.lastRun() === 'lost') {
      const warning = { code: 'END_MISSING', message: END_MISSING }
      io.err(json === true ? `${JSON.stringify({ warning })}\n` : lines([`warning: ${END_MISSING}`]))
    }
    return await use(reader)
  } finally {
    reader.close()
  }
}

/** Says it where a verb copies the file, or makes what is derived of it anew. */
export async function warnOfEnd(
  cli: Pick<Cli, 'io'>,
  file: string,
  options: { readonly json?: boolean | undefined },
): Promise<void> {
  await opened(cli, file, options, () => undefined)
}

/** Prints one JSON document, on a line of its own. */
export async function printJson(io: Io, document: unknown): Promise<void> {
  await io.out(`${JSON.stringify(document)}\n`)
}
