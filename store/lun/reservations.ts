// The reservations in a LUN's file: one row with the state and its epoch, one row for each engine with the epoch that it
// has acknowledged, and the epoch once more in a mapped word, so that a submit compares it without a look at the file.
import type Database from 'better-sqlite3'
import { NO_RESERVATION } from '../../machines/reservation/rules.ts'
import { checkedReservation } from './checked.ts'
import { hasTable } from './schema.ts'
import { replyOf } from './reservation-request.ts'
import type { ReservationRequest, LunEngine, ReservationReply, ReservationSnapshot } from './types.ts'

export const RESERVATION_SCHEMA = `
CREATE TABLE IF NOT EXISTS reservation (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  epoch  INTEGER NOT NULL,
  state  TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS engines (
  engine     TEXT PRIMARY KEY,
  initiator  TEXT NOT NULL,
  acked      INTEGER NOT NULL
) STRICT;
`

/** What is there now. */
export function readReservation(db: Database.Database): ReservationSnapshot {
  const row = db.prepare<[], { epoch: number; state: string }>('SELECT epoch, state FROM reservation').get()
  if (row === undefined) return { epoch: 0, state: NO_RESERVATION }
  return { epoch: row.epoch, state: checkedReservation(row.state) }
}

/** Every engine that has the LUN, or had it when it died. */
export function readEngines(db: Database.Database): LunEngine[] {
  return db.prepare<[], LunEngine>('SELECT engine, initiator, acked FROM engines ORDER BY rowid').all()
}

/** Applies one request, inside the caller's transaction. */
export function applyRequest(db: Database.Database, request: ReservationRequest): ReservationReply {
  const reply = replyOf(readReservation(db), request)
  if (reply.changed) {
    const write = db.prepare('INSERT OR REPLACE INTO reservation VALUES (1, ?, ?)')
    write.run(reply.epoch, JSON.stringify(reply.state))
  }
  return reply
}

/** Reservations of the storage that is attached as `old`, unless there have been any here. */
export function takeOverReservation(db: Database.Database): void {
  if (!hasTable(db, 'old', 'reservation')) return
  db.exec('INSERT OR IGNORE INTO main.reservation SELECT * FROM old.reservation')
}

/** An engine has the LUN open: from now on others wait for it. */
export function joinEngine(db: Database.Database, engine: string, initiator: string): void {
  const { epoch } = readReservation(db)
  db.prepare('INSERT OR REPLACE INTO engines VALUES (?, ?, ?)').run(engine, initiator, epoch)
}

export function acknowledge(db: Database.Database, engine: string, epoch: number): void {
  db.prepare('UPDATE engines SET acked = max(acked, ?) WHERE engine = ?').run(epoch, engine)
}

export function leaveEngine(db: Database.Database, engine: string): void {
  db.prepare('DELETE FROM engines WHERE engine = ?').run(engine)
}
