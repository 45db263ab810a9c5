// docs/errors.md: whose an error of a path is, and every code that a PathledgerError can have.
import { errnoOf, statusOf } from '../../engine/core/blk-status.ts'
import { classOf, type ErrorClass } from '../../machines/words.ts'
import { BLK_STATUSES } from '../../machines/words.ts'
import { errorCodes } from './error-codes.ts'
import { ERROR_MEANINGS } from './error-meanings.ts'
import { code, page, table } from './markdown.ts'
import { objectOf, productSources, sourceOf } from './sources.ts'

/** What the engine does about a class, and why. */
const CLASSES: Readonly<Record<ErrorClass, string>> = {
  path: "Perhaps the path's. The I/O goes to another path, and this one is probed; it fails when the probe does.",
  target: "The LUN's own, the same through every path. The caller gets it, once.",
  busy: "Nobody's: the same path is asked again a little later, and after a few times another one.",
  ours: 'A bug of pathledger. The engine stops, and no path is failed for it.',
}

export function errorsPage(): Promise<string> {
  return page(
    'Errors',
    'Every error that leaves pathledger is a `PathledgerError`: recognise it by its `code`, never by its class or text. ' +
      "`message` says what happened, `why` and `todo` explain it, `errno` is the kernel's name for it where it has one. " +
      '`outcome` is `failed` for certain, or `unknown` where a write may still land.',
    "## What a path's error means",
    'An errno of a path becomes a `blk_status`, and that decides whose error it may be. An adapter that knows the status ' +
      'itself says so, and the errno is not asked.',
    table(['errno', 'blk_status', 'class'], errnoRows()),
    table(
      ['class', 'what the engine does'],
      Object.entries(CLASSES).map(([name, what]) => [code(name), what]),
    ),
    'A caller gets the errno that the kernel gives for the status:',
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
