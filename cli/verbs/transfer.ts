// `pathledger export` and `pathledger import`: a ledger as text, and back.
import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { messageOf, PathledgerError } from '../../errors.ts'
import { exportLedger, importLedger } from '../../index.ts'
import { counted } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

export function addExport(program: Command, cli: Cli): void {
  const command = program
    .command('export')
    .description(
      'Print a ledger as NDJSON: one event per line with its hash, and a last line that says where it ends.',
    )
    .argument('<file>', 'a ledger; an engine may be writing it')
    .action(async (file: string) => {
      await withLedger(cli, file, { json: true }, async (reader) => {
        for (const lines of exportLedger(reader)) await cli.io.out(lines)
      })
    })
  withJson(command, 'no change: the output is always JSON')
  withExamples(command, [
    ['pathledger export mp.ledger > mp.ndjson', 'all of it'],
    ['pathledger export mp.ledger | gzip > mp.ndjson.gz', 'a tenth of the size'],
  ])
}

export function addImport(program: Command, { io }: Cli): void {
  const command = program
    .command('import')
    .description(
      'Make a ledger from the output of `export`. It is the same ledger: every hash and the end are checked.\n' +
        'If a line was changed, exits with 5 and makes no file.',
    )
    .argument('<text>', "an export, or '-' for stdin")
    .argument('<file>', 'the ledger to make; must not exist')
    .action(async (text: string, file: string, { json }: { readonly json?: true }) => {
      const head = await importLedger(file, linesOf(text))
      const hash = Buffer.from(head.hash).toString('hex')
      if (json) await printJson(io, { file, events: head.events, head: hash })
      else await io.out(`${counted(head.events, 'event')}, chain ok, head ${hash}\n`)
    })
  withJson(command)
  withExamples(command, [
    ['pathledger import mp.ndjson copy.ledger', 'the same ledger again'],
    ['gunzip -c mp.ndjson.gz | pathledger import - copy.ledger', 'from a pipe'],
  ])
}

/**
 * The lines of a file or of stdin, a piece at a time. Only a line feed ends a line: the text of an event may hold every other character
 * that ends one for somebody (U+2028, U+0085).
 */
async function* linesOf(name: string): AsyncGenerator<string> {
  const input = name === '-' ? process.stdin : createReadStream(name)
  input.setEncoding('utf8')
  let rest = ''
  try {
    for await (const piece of input as AsyncIterable<string>) {
      const lines = `${rest}${piece}`.split('\n')
      rest = lines.pop() ?? ''
      yield* lines
      if (rest.length > LINE_CHARS_MAX) throw new Error(`A line has more than ${LINE_CHARS_MAX} characters`)
    }
  } catch (error) {
    throw new PathledgerError('INPUT_IO', {
      message: `${name} cannot be read.`,
      why: `${messageOf(error)}.`,
      todo: 'Check the name.',
      errno: 'EIO',
    })
  }
  if (rest !== '') yield rest
}

/** More than the largest event takes, however its characters are escaped. */
const LINE_CHARS_MAX = 16_777_216
