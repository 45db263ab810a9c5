// docs/errors.md: whose an error of a path is, and every code that a PathledgerError can have.
import { errnoOf, statusOf } from '../../engine/core/blk-status.ts'
import { classOf, type ErrorClass } from '../../machines/words.ts'
import { BLK_STATUSES } from '../../machines/words.ts'
import { ERROR_CODES } from '../../errors/codes.ts'
import { errorCodes } from './error-codes.ts'
import { ERROR_MEANINGS } from './error-meanings.ts'
import { code, page, table } from './markdown.ts'
import { objectOf, productSources, sourceOf } from './sources.ts'

/** What the engine does about a class, and why. */
const CLASSES: Readonly<Record<ErrorClass, string>> = {
  path: "The error may be the path's. The I/O goes to another path, and this one is probed. It fails if the probe fails too.",
  target: "The error is the LUN's own, the same through every path. The caller gets it at once.",
  busy: "Nobody's error: the I/O is sent down the same path again a little later, and after a few tries down another one.",
  ours: 'A bug of pathledger. The engine stops, and no path fails because of it.',
}

export function errorsPage(): Promise<string> {
  return page(
    'Errors',
    'Every error that leaves pathledger is a `PathledgerError`: recognise it by its `code`, never by its class or its text. ' +
      "`message` says what happened, `why` gives the reason, `todo` says what to do, and `errno` is the kernel's name for the error, if it has one. " +
      '`outcome` is `failed` when the I/O has certainly failed, and `unknown` when a write may still land.',
    "## What a path's error means",
    'An errno of a path is translated into a `blk_status`, which decides whose error it may be. If the adapter itself knows ' +
      'the status, the errno is not used.',
    table(['errno', 'blk_status', 'class'], errnoRows()),
    table(
      ['class', 'what the engine does'],
      Object.entries(CLASSES).map(([name, what]) => [code(name), what]),
    ),
    'The caller gets the errno that the kernel uses for the status:',
    table(['blk_status', 'errno of the caller', 'class'], statusRows()),
    '## Codes',
    ...Object.entries(checkedMeanings()).flatMap(([area, meanings]) => [
      `### ${area}`,
      table(
        ['code', 'what happened'],
        Object.entries(meanings).map(([name, meaning]) => [code(name), meaning]),
      ),
    ]),
  )
}

function errnoRows(): string[][] {
  const known = objectOf(sourceOf('engine/core/blk-status.ts'), 'STATUS_OF_ERRNO').properties
  const rows = known.flatMap(({ name }) => (name === undefined ? [] : [name.getText()])).map(errnoRow)
  return [...rows, ['every other', ...errnoRow('EIO').slice(1)], ['a short completion', ...shortRow()]]
}

function errnoRow(errno: string): string[] {
  const status = statusOf({ errno, status: null, bytes: 0 }, 512)
  return [code(errno), code(status), code(classOf(status))]
}

function shortRow(): string[] {
  const status = statusOf({ errno: null, status: null, bytes: 0 }, 512)
  return [code(status), code(classOf(status))]
}

function statusRows(): string[][] {
  return BLK_STATUSES.filter((status) => status !== 'OK').map((status) => [
    code(status),
    code(errnoOf(status)),
    code(classOf(status)),
  ])
}

/** The lines for the codes in the sources. Throws for a code without one, and for a line without a code. */
function checkedMeanings(): typeof ERROR_MEANINGS {
  const codes = errorCodes(productSources())
  const { unexplained, unused } = compare(
    codes,
    Object.values(ERROR_MEANINGS).flatMap((meanings) => Object.keys(meanings)),
  )
  const where = 'scripts/pages/error-meanings.ts'
  if (unexplained.length > 0) throw new Error(`${unexplained.join(', ')}: write what it means in ${where}`)
  const typed = compare(codes, ERROR_CODES)
  const differs = [...typed.unexplained, ...typed.unused]
  if (differs.length > 0)
    throw new Error(`${differs.join(', ')}: bring errors/codes.ts in line with the sources`)
  if (unused.length > 0)
    throw new Error(`${unused.join(', ')}: no source has it any more, take it out of ${where}`)
  return ERROR_MEANINGS
}

/** Codes without a line, and lines without a code or written twice. */
export function compare(codes: readonly string[], explained: readonly string[]) {
  return {
    unexplained: codes.filter((one) => !explained.includes(one)),
    unused: explained.filter((one, index) => !codes.includes(one) || explained.indexOf(one) !== index),
  }
}
