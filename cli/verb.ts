// What the verbs share: their options, their help, and how a ledger is opened for one.
import type { Command } from 'commander'
import { openLedgerReader } from '../index.ts'
import type { FileReader } from '../store/read/reader.ts'
import type { Io } from './io.ts'

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

/** Opens a ledger for reading, and lets go of it whatever happens. */
export async function withLedger<Answer>(
  file: string,
  use: (reader: FileReader) => Promise<Answer> | Answer,
): Promise<Answer> {
  const reader = openLedgerReader(file)
  try {
    return await use(reader)
  } finally {
    reader.close()
  }
}

/** Prints one JSON document, on a line of its own. */
export async function printJson(io: Io, document: unknown): Promise<void> {
  await io.out(`${JSON.stringify(document)}\n`)
}
