// The thread that writes a LUN's file: an fsync that hangs stops nobody but those who wait for it.
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { messageOf } from '../../errors.ts'
import { GROUP_SCHEMA, groupsVersion, writeGroups } from './groups.ts'
import { acknowledge, applyRequest, joinEngine, leaveEngine, RESERVATION_SCHEMA } from './reservations.ts'
import { readReservation } from './reservations.ts'
import { openSharedWords } from './shared-words.ts'
import { LUN_APPLICATION_ID, LUN_SCHEMA, LUN_SCHEMA_VERSION, type LunWrite } from './schema.ts'
import { isLetGo } from './let-go.ts'
import type { ReservationReply } from './types.ts'

/** How often the shared words are looked at: that long another engine's command waits for an idle one. */
const LOOK_MS = 5

/** How long another engine's commit is waited for, milliseconds. Nobody else waits for this thread. */
const BUSY_TIMEOUT_MS = 2_000

interface Request {
  readonly id: number
  readonly write: LunWrite | 'close'
}

const port = parentPort
const { file, word: wordFile } = workerData as { file: string; word: string }
if (port === null) throw new Error('the LUN writer runs in a worker thread')

const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
if (db.pragma('synchronous', { simple: true }) !== 2) throw new Error('SQLite does not take synchronous=FULL')
const create = db.transaction(() => {
  const id = db.pragma('application_id', { simple: true })
  const version = Number(db.pragma('user_version', { simple: true }))
  const tables = db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get() ?? 0
  if (tables > 0 && id !== LUN_APPLICATION_ID) throw new Error(`${file} is not the storage of a LUN`)
  if (version > LUN_SCHEMA_VERSION) {
    throw new Error(`${file} has schema ${version}, and this version knows ${LUN_SCHEMA_VERSION}`)
  }
  db.exec(LUN_SCHEMA)
  db.exec(RESERVATION_SCHEMA)
  db.exec(GROUP_SCHEMA)
  db.pragma(`application_id = ${LUN_APPLICATION_ID}`)
  db.pragma(`user_version = ${LUN_SCHEMA_VERSION}`)
})
create.immediate()
const words = openSharedWords(wordFile)
words.epoch.raise(readReservation(db).epoch)
words.groups.raise(groupsVersion(db))
const looked = { epoch: words.epoch.load(), groups: words.groups.load() }
const look = setInterval(() => {
  const now = { epoch: words.epoch.load(), groups: words.groups.load() }
  if (now.epoch === looked.epoch && now.groups === looked.groups) return
  Object.assign(looked, now)
  port.postMessage({ id: -1, error: null })
}, LOOK_MS)
port.postMessage({ id: 0, error: null })

const insertGhost = db.prepare(
  `INSERT OR REPLACE INTO ghosts VALUES (:id, :engine, :path, :incarnation, :op, :offset, :length, :reason, :openedAtUs, :bootId)`,
)
const deleteGhost = db.prepare('DELETE FROM ghosts WHERE id = ?')
const insertAttachment = db.prepare(
  'INSERT OR REPLACE INTO attachments VALUES (:engine, :path, :incarnation, :device, :bootId, :final)',
)
const deleteAttachment = db.prepare('DELETE FROM attachments WHERE engine = ? AND path = ?')

const apply = db.transaction((write: LunWrite): unknown => {
  if (write.kind === 'openGhosts') for (const ghost of write.ghosts) insertGhost.run(ghost)
  if (write.kind === 'endGhosts') for (const id of write.ids) deleteGhost.run(id)
  if (write.kind === 'attach') insertAttachment.run(write.attachment)
  if (write.kind === 'detach') deleteAttachment.run(write.engine, write.path)
  if (write.kind === 'join') joinEngine(db, write.engine, write.initiator)
  if (write.kind === 'leave') leaveEngine(db, write.engine)
  if (write.kind === 'acknowledge') acknowledge(db, write.engine, write.epoch)
  if (write.kind === 'groups') writeGroups(db, write.groups, write.replace)
  return write.kind === 'reserve' ? applyRequest(db, write.request) : undefined
})

/** The words follow the commit: whoever sees it new finds the file so. */
function perform(write: LunWrite): unknown {
  if (write.kind === 'isLetGo') return isLetGo(write.device)
  const value = apply.immediate(write)
  if (write.kind === 'reserve') words.epoch.raise((value as ReservationReply).epoch)
  if (write.kind === 'groups') words.groups.raise(groupsVersion(db))
  return value
}

port.on('message', ({ id, write }: Request) => {
  try {
    if (write === 'close') close()
    port.postMessage({ id, error: null, value: write === 'close' ? undefined : perform(write) })
  } catch (error) {
    port.postMessage({ id, error: messageOf(error) })
  }
  // After the answer: what is posted to a closed port is lost.
  if (write === 'close') port.close()
})

function close(): void {
  clearInterval(look)
  words.close()
  db.close()
}
