// Are the caches what the events come to? Each is made anew beside the file, in memory, and compared.
import type Database from 'better-sqlite3'
import { invariant } from '../../errors.ts'
import { connectReadOnly, ledgerFile } from '../file/connection.ts'
import { foldRows } from './fold-rows.ts'
import { Folder } from './fold.ts'
import type { LedgerState } from '../types.ts'
import { PROJECTIONS } from '../projections/index.ts'
import { projectedTo, stepProjection, type Projection } from '../projections/projection.ts'
import { listSnapshots } from './snapshots.ts'
import { ledgerError } from '../file/sqlite-errors.ts'

/** What the comparison came to. */
export interface CacheCheck {
  readonly equal: boolean
  /** Snapshots that were compared; those that are not believed anyway are not. */
  readonly snapshots: number
  /** Names of projections, and 'snapshot <position>', that are not what the events come to. */
  readonly wrong: readonly string[]
}

/** Compares every cache of a ledger with the events. Reads only. Throws what opening a ledger throws. */
export function checkCaches(name: string): CacheCheck {
  const file = ledgerFile(name)
  const db = connectReadOnly(file)
  try {
    const snapshots = checkSnapshots(db)
    const wrong = [
      ...snapshots.wrong,
      ...PROJECTIONS.filter((one) => !isEqual(db, one)).map((one) => one.name),
    ]
    return { equal: wrong.length === 0, snapshots: snapshots.compared, wrong }
  } catch (error) {
    throw ledgerError(error, file)
  } finally {
    db.close()
  }
}

function checkSnapshots(db: Database.Database): { compared: number; wrong: string[] } {
  const believed = listSnapshots(db).filter(({ refused }) => refused === null)
  if (believed.length === 0) return { compared: 0, wrong: [] }
  const state = db.prepare<[number], string>('SELECT state FROM snapshots WHERE position = ?').pluck()
  const folder = new Folder(null)
  const wrong = believed.filter(({ position }) => {
    while (folder.position < position) {
      const page = foldRows(db, folder.position + 1, position)
      invariant(page.length > 0, 'a snapshot that is believed stands on an event')
      folder.takeAll(page)
    }
    return textOf(folder.state()) !== state.get(position)
  })
  return { compared: believed.length, wrong: wrong.map(({ position }) => `snapshot ${position}`) }
}

function textOf({ streams }: LedgerState): string {
  return JSON.stringify(streams)
}

/** The projection made anew in the connection's own memory, over the events of the file. */
function isEqual(db: Database.Database, projection: Projection): boolean {
  const position = projectedTo(db, projection)
  while (projectedTo(db, projection, 'temp') < position) {
    if (!stepProjection(db, projection, position, 'temp')) return false
  }
  if (position === 0) return true
  return Object.keys(projection.tables).every((table) => {
    const differ = (one: string, other: string) =>
      `SELECT 1 FROM (SELECT * FROM ${one}.${table} EXCEPT SELECT * FROM ${other}.${table})`
    return (
      db.prepare(`${differ('temp', 'main')} UNION ALL ${differ('main', 'temp')} LIMIT 1`).get() === undefined
    )
  })
}
