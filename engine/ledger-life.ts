// What is done to a ledger between two runs, with the machine's own clock and ids.
import { checkArguments } from '../errors/arguments.ts'
import { checkWords } from './core/spoken.ts'
import { readBootId, systemClock, systemIds } from '../adapters/system.ts'
import { changeCaches, listCaches } from '../store/life/file-caches.ts'
import type { CacheInfo } from '../store/state/cache-info.ts'
import { repairLedger as repair, type Repair } from '../store/life/repair.ts'
import { closeSegment, type ClosedSegment } from '../store/life/segments.ts'
import { signHead as sign, type SignedHead } from '../store/life/signed-head.ts'
import { openLedgerReader } from '../store/read/reader.ts'
import { VERSION, XSTATE_VERSION } from './core/version.ts'

/**
 * Closes a ledger and begins the next segment, a new file in the same folder; an engine is then opened with that one.
 * Throws LEDGER_LOCKED, FILE_EXISTS, SEGMENT_CLOSED, SEGMENT_ELSEWHERE or LEDGER_*.
 */
export function segmentLedger(file: string, next: string, actor = 'operator'): ClosedSegment {
  checkArguments('segmentLedger', { file, next }, { file: 'file', next: 'file' })
  checkWords({ actor })
  return closeSegment(file, next, {
    ...facts(),
    newId: systemIds(),
    actor,
    engine: VERSION,
    xstate: XSTATE_VERSION,
  })
}

/**
 * Makes a ledger of what can be proved of a damaged one, which is not touched. It says itself what is missing. Throws
 * FILE_EXISTS, REPAIR_IMPOSSIBLE or LEDGER_*.
 */
export function repairLedger(file: string, newFile: string, actor = 'operator'): Repair {
  checkArguments('repairLedger', { file, newFile }, { file: 'file', newFile: 'file' })
  checkWords({ actor })
  return repair(file, newFile, { ...facts(), eventId: systemIds()(), actor })
}

/** Signs where a ledger ends now. Throws KEY_INVALID, KEY_PERMISSION or LEDGER_*. */
export function signHead(file: string, keyFile: string): SignedHead {
  const reader = openLedgerReader(file)
  try {
    return sign(reader, keyFile, systemClock.wallUs())
  } finally {
    reader.close()
  }
}

/** Lists, makes or deletes snapshots and projections: no answer changes. Throws LEDGER_LOCKED or LEDGER_*. */
export function ledgerCaches(file: string, change: 'list' | 'make' | 'drop' = 'list'): CacheInfo {
  checkArguments('ledgerCaches', { change }, { change: ['list', 'make', 'drop'] })
  return change === 'list' ? listCaches(file) : changeCaches(file, change, systemClock.wallUs())
}

function facts() {
  return { recordedAtUs: systemClock.wallUs(), monoUs: systemClock.monoUs(), bootId: readBootId() }
}
