// Is the whole chain of segments what was written? Each file by itself, and each seam: the header's word of where the file
// before ended, that file's last event, and the states that were carried over.
import { basename, dirname, join } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { hex } from '../rows/encoding.ts'
import { CARRIED, carriedStreams, foldAll } from '../state/fold.ts'
import type { PreviousSegment } from '../rows/header.ts'
import { CARRYING_EVENTS } from '../limits.ts'
import { openLedgerReader, type FileReader } from '../read/reader.ts'
import { ledgerError } from '../file/sqlite-errors.ts'
import { verifyLedger, type Verification } from '../verify/verify.ts'
import { nextOf } from './segments.ts'

/** One segment of a chain, and whether it is whole. */
export interface SegmentCheck {
  readonly file: string
  /** Null when the file is not there, or cannot be read. */
  readonly verification: Verification | null
  /** What is wrong with it, or with its seam to the segment before; '' when nothing is. */
  readonly why: string
}

/** Verifies a ledger and every segment before it, the last one first. Throws what opening the ledger itself throws. */
export function verifySegments(name: string): readonly SegmentCheck[] {
  const first = openLedgerReader(name)
  const file = first.file
  first.close()
  const checks: SegmentCheck[] = []
  let next: { readonly reader: FileReader; readonly previous: PreviousSegment } | null = null
  for (let at = file; ;) {
    const reader: FileReader | PathledgerError = checks.length === 0 ? openLedgerReader(at) : openOrError(at)
    if (reader instanceof PathledgerError) {
      const why = reader.code === 'LEDGER_NOT_FOUND' ? 'The segment is missing.' : reader.message
      checks.push({ file: at, verification: null, why })
      next?.reader.close()
      return checks
    }
    const alone = verifyLedger(at)
    // The one before it is looked at next.
    const verification = {
      ...alone,
      unproved: alone.unproved.filter(({ what }) => what !== 'earlier-segment'),
    }
    const seam = next === null ? '' : seamOf(reader, next.reader, next.previous)
    checks.push({
      file: at,
      verification,
      why: [verification.why, ...verification.derived, seam].filter((part) => part !== '').join(' '),
    })
    next?.reader.close()
    const previous: PreviousSegment | null = reader.header.previous
    if (previous === null || checks.some((check) => basename(check.file) === previous.file)) {
      reader.close()
      return checks
    }
    next = { reader, previous }
    at = join(dirname(at), basename(previous.file))
  }
  return checks
}

/** What does not fit between a segment and the one behind it; '' when all does. */
function seamOf(before: FileReader, behind: FileReader, previous: PreviousSegment): string {
  const { events, hash } = before.head()
  if (previous.events !== events || previous.hash !== hex(hash)) {
    return `It ends at ${events} with ${hex(hash)}; ${basename(behind.file)} goes on from ${previous.events} with ${previous.hash}: another file, or another end.`
  }
  if (previous.format !== before.header.format)
    return `Its format is not the one that ${basename(behind.file)} names.`
  if (nextOf(before) !== basename(behind.file))
    return `It does not say that it goes on in ${basename(behind.file)}.`
  return carriedText(behind) === standingText(before)
    ? ''
    : `The states that ${basename(behind.file)} carries are others.`
}

function carriedText(reader: FileReader): string {
  const rows = reader.read({ fromPosition: 2, limit: CARRYING_EVENTS }).filter(({ type }) => type === CARRIED)
  return JSON.stringify(Object.fromEntries(rows.flatMap(({ data }) => carriedStreams(data))))
}

function standingText(reader: FileReader): string {
  const { streams } = foldAll(reader, { snapshots: false })
  const standing = Object.entries(streams).map(([stream, { version, value, context }]) => [
    stream,
    { version, value, context },
  ])
  return JSON.stringify(Object.fromEntries(standing))
}

function openOrError(file: string): FileReader | PathledgerError {
  try {
    return openLedgerReader(file)
  } catch (error) {
    return ledgerError(error, file)
  }
}
