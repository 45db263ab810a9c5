// The caches of a ledger file that no engine has open: made, deleted, listed.
import type { CacheInfo } from '../state/cache-info.ts'
import { cacheInfo, catchUp, dropCaches } from '../state/caches.ts'
import { connect, connectReadOnly, ledgerFile } from '../file/connection.ts'
import { lockLedger } from '../file/lock.ts'
import { makeDurable } from '../rows/schema.ts'
import { ledgerError } from '../file/sqlite-errors.ts'

/** What a ledger has of snapshots and projections, and which of them are believed. Throws LEDGER_*. */
export function listCaches(name: string): CacheInfo {
  const file = ledgerFile(name)
  const db = connectReadOnly(file)
  try {
    return cacheInfo(db)
  } catch (error) {
    throw ledgerError(error, file)
  } finally {
    db.close()
  }
}

/**
 * Brings every snapshot and projection up to the end of a ledger ('make'), or deletes them all ('drop'): they are caches, and
 * no answer changes. An engine that has the ledger does this by itself: LEDGER_LOCKED. `nowUs` is for the lock's readers.
 */
export function changeCaches(name: string, change: 'make' | 'drop', nowUs: number): CacheInfo {
  const file = ledgerFile(name)
  const lock = lockLedger(file, nowUs)
  try {
    // A newer ledger, or one that is not ours alone, is left as it is: closing a connection that may write would move its log into it.
    connectReadOnly(file, true).close()
    const db = connect(file, { mode: 'rw' })
    try {
      makeDurable(db)
      if (change === 'drop') dropCaches(db)
      else catchUp(db, Number(db.prepare('SELECT coalesce(max(events), 0) FROM ledger_head').pluck().get()))
      return cacheInfo(db)
    } catch (error) {
      throw ledgerError(error, file)
    } finally {
      db.close()
    }
  } finally {
    lock.release()
  }
}
