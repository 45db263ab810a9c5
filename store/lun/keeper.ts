// What the LUN's thread keeps: the file, the claim, the mapped words. Everything that touches the disk is here, and nothing
// of it runs in the engine's own thread.
import { closeSync, constants, existsSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { checkedAttachments, checkedGhosts, checkedMedia } from './checked.ts'
import { Claims } from './claims.ts'
import { GROUP_SCHEMA, groupsVersion, readGroups, writeGroups } from './groups.ts'
import { lostError } from './lost.ts'
import { acknowledge, applyRequest, joinEngine, leaveEngine, RESERVATION_SCHEMA } from './reservations.ts'
import { readEngines, readReservation, takeOverReservation } from './reservations.ts'
import {
  ENDED_MAX,
  hasTable,
  LUN_APPLICATION_ID,
  LUN_SCHEMA_VERSION,
  makeTables,
  takeOverTables,
  writeMedium,
  type KeeperPlace,
  type LunOpened,
  type LunPicture,
  type LunWrite,
  type Written,
} from './schema.ts'
import { mapSharedWords, type MappedWords } from './shared-words.ts'
import type { LunAttachment, LunGhost, LunMedium, ReservationReply } from './types.ts'

/** How long another engine's commit is waited for, milliseconds. Nobody else waits for this thread. */
const BUSY_TIMEOUT_MS = 2_000

export class LunKeeper {
  readonly #file: string
  readonly #claims: Claims
  readonly #db: Database.Database
  readonly #version: Database.Statement<[]>
  readonly #words: MappedWords
  readonly #apply: (write: LunWrite) => Written
  readonly #inodes: readonly { readonly file: string; readonly inode: number }[]
  #fresh = false
  /** What was last told of: the words, and who lived. */
  #told = ''
  #toldVersion: unknown = null
  #alive = ''

  /** Throws LUN_STORAGE, LUN_CLAIMED, or whatever the file system says. */
  constructor({ file, engine, old }: KeeperPlace) {
    this.#file = file
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    // Not through a symbolic link, and for its owner alone; what SQLite puts beside it has the same mode.
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
    this.#claims = new Claims(`${file}.engines`)
    this.#claims.take(engine)
    try {
      this.#db = openFile(file)
      this.#db.transaction(() => this.#makeTables()).immediate()
      for (const source of old) this.#takeOver(source)
      this.#words = mapSharedWords(`${file}.epoch`)
    } catch (error) {
      this.#claims.release()
      throw error
    }
    this.#version = this.#db.prepare('PRAGMA data_version').pluck()
    this.#raiseWords()
    const parts = [file, `${file}-wal`, `${file}-shm`].filter((name) => existsSync(name))
    this.#inodes = [
      ...parts.map((name) => ({ file: name, inode: statSync(name).ino })),
      { file: `${file}.epoch`, inode: this.#words.inode },
      ...(this.#claims.own === null ? [] : [this.#claims.own]),
    ]
    const apply = this.#db.transaction((write: LunWrite) => this.#applyNow(write))
    this.#apply = (write) => apply.immediate(write)
  }

  opened(): LunOpened {
    const { name } = this.#storage()
    return { name, fresh: this.#fresh, picture: this.picture(), wordsAt: this.#words.at }
  }

  /** Writes, durably. The words follow the commit: whoever sees them new finds the file so. */
  write(write: LunWrite): Written {
    const lost = this.lost()
    if (lost !== null) throw lostError(this.#file, lost)
    const written = this.#apply(write)
    if (write.kind === 'reserve') this.#words.epoch.raise((written.value as ReservationReply).epoch)
    if (write.kind === 'groups') this.#words.groups.raise(groupsVersion(this.#db))
    if (written.contentsCount !== null) this.#words.contents.raise(written.contentsCount)
    return written
  }

  /** All of it, as one moment has it. */
  picture(): LunPicture {
    const told = this.#wordsNow()
    this.#toldVersion = this.#version.get()
    const read = this.#db.transaction(() => ({
      contentsCount: this.#storage().contents,
      contents: {
        ghosts: checkedGhosts(this.#db.prepare('SELECT * FROM ghosts ORDER BY rowid').all()),
        attachments: checkedAttachments(this.#db.prepare('SELECT * FROM attachments ORDER BY rowid').all()),
        ended: this.#db.prepare<[], string>('SELECT id FROM ended ORDER BY rowid').pluck().all(),
      },
      media: checkedMedia(this.#db.prepare('SELECT * FROM media ORDER BY rowid').all()),
      reservation: readReservation(this.#db),
      engines: readEngines(this.#db),
      groups: readGroups(this.#db),
    }))
    const picture = read()
    const alive = this.#livingOf(picture)
    this.#told = told
    this.#alive = alive.join(' ')
    return { ...picture, alive }
  }

  /** Whether anything has changed since the last picture: by the words, and by whatever else wrote to the file. */
  changed(): boolean {
    return this.#wordsNow() !== this.#told || this.#version.get() !== this.#toldVersion
  }

  /** Whether an engine has died or come since the last picture. */
  livesChanged(): boolean {
    const { contents, engines } = { contents: this.#named(), engines: readEngines(this.#db) }
    return this.#livingOf({ contents, engines }).join(' ') !== this.#alive
  }

  /** Why what is written here would not be found again; null while it would. */
  lost(): string | null {
    for (const { file, inode } of this.#inodes) {
      const now = statSync(file, { throwIfNoEntry: false })
      if (now === undefined) return `${file} is not there any more`
      if (now.ino !== inode) return `${file} is another file now`
    }
    return null
  }

  close(): void {
    this.#words.close()
    this.#db.close()
    // What was put in its place since is somebody else's.
    this.#claims.release()
  }

  #makeTables(): void {
    const db = this.#db
    const id = db.pragma('application_id', { simple: true })
    const version = Number(db.pragma('user_version', { simple: true }))
    const tables = db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get() ?? 0
    if (tables > 0 && id !== LUN_APPLICATION_ID) throw new Error(`${this.#file} is not the storage of a LUN`)
    if (version > LUN_SCHEMA_VERSION) {
      throw new Error(`${this.#file} has schema ${version}, and this version knows ${LUN_SCHEMA_VERSION}`)
    }
    this.#fresh = tables === 0
    makeTables(db)
    db.exec(RESERVATION_SCHEMA)
    db.exec(GROUP_SCHEMA)
    db.pragma(`application_id = ${LUN_APPLICATION_ID}`)
    db.pragma(`user_version = ${LUN_SCHEMA_VERSION}`)
  }

  /** Ghosts, attachments, reservations and groups of another storage, which nobody has open any more. */
  #takeOver(source: string): void {
    if (!existsSync(source)) return
    const name = realpathSync(source)
    if (name === realpathSync(this.#file)) return
    const db = this.#db
    db.prepare('ATTACH ? AS old').run(name)
    try {
      db.transaction(() => {
        const isNew = db.prepare('INSERT OR IGNORE INTO moved VALUES (?)').run(name).changes > 0
        if (!isNew || !hasTable(db, 'old', 'ghosts')) return
        takeOverTables(db)
        takeOverReservation(db)
        if (hasTable(db, 'old', 'port_groups')) {
          db.exec('INSERT OR IGNORE INTO main.port_groups SELECT * FROM old.port_groups')
        }
        this.#count()
        this.#fresh = false
      }).immediate()
    } finally {
      db.exec('DETACH old')
    }
  }

  #applyNow(write: LunWrite): Written {
    const db = this.#db
    let value: unknown
    if (write.kind === 'openGhosts') for (const ghost of write.ghosts) this.#openGhost(ghost)
    if (write.kind === 'endGhosts') for (const id of write.ids) this.#endGhost(id, write.by)
    if (write.kind === 'forgetEnded')
      for (const id of write.ids) db.prepare('DELETE FROM ended WHERE id = ?').run(id)
    if (write.kind === 'attach') this.#attach(write)
    if (write.kind === 'detach') db.prepare('DELETE FROM attachments WHERE attach = ?').run(write.attach)
    if (write.kind === 'join') joinEngine(db, write.engine, write.initiator)
    if (write.kind === 'leave') leaveEngine(db, write.engine)
    if (write.kind === 'acknowledge') acknowledge(db, write.engine, write.epoch)
    if (write.kind === 'groups') {
      writeGroups(db, write.groups, write.replace)
      value = readGroups(db)
    }
    if (write.kind === 'reserve') value = applyRequest(db, write.request)
    return { contentsCount: write.kind === 'groups' ? null : this.#count(), value }
  }

  #openGhost(ghost: LunGhost): void {
    this.#db
      .prepare(
        `INSERT OR REPLACE INTO ghosts VALUES (:id, :attach, :device, :deviceKey, :final, :engine, :path, :incarnation, :op, :offset, :length, :reason, :openedAtUs, :bootId)`,
      )
      .run(ghost)
  }

  #endGhost(id: string, by: string): void {
    const db = this.#db
    const engine = db.prepare<[string], string>('SELECT engine FROM ghosts WHERE id = ?').pluck().get(id)
    if (engine === undefined) return
    db.prepare('DELETE FROM ghosts WHERE id = ?').run(id)
    if (engine === by) return
    db.prepare('INSERT OR IGNORE INTO ended VALUES (?)').run(id)
    db.prepare('DELETE FROM ended WHERE rowid <= (SELECT max(rowid) FROM ended) - ?').run(ENDED_MAX)
  }

  #attach({ attachment, medium }: { attachment: LunAttachment; medium?: LunMedium | null }): void {
    if (medium) writeMedium(this.#db, medium)
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO attachments VALUES (:attach, :device, :deviceKey, :final, :engine, :path, :incarnation, :bootId)',
      )
      .run(attachment)
  }

  /** One more change: its number is the word's. */
  #count(): number {
    this.#db.prepare('UPDATE storage SET contents = contents + 1').run()
    return this.#storage().contents
  }

  #storage(): { readonly name: string; readonly contents: number } {
    return this.#db
      .prepare<[], { name: string; contents: number }>('SELECT name, contents FROM storage')
      .get() as { name: string; contents: number }
  }

  /** Engines that ghosts and attachments name. */
  #named(): { ghosts: readonly { engine: string }[]; attachments: readonly { engine: string }[] } {
    const of = (table: string) =>
      this.#db.prepare<[], { engine: string }>(`SELECT DISTINCT engine FROM ${table}`).all()
    return { ghosts: of('ghosts'), attachments: of('attachments') }
  }

  #livingOf({
    contents: { ghosts, attachments },
    engines,
  }: {
    contents: { ghosts: readonly { engine: string }[]; attachments: readonly { engine: string }[] }
    engines: readonly { engine: string }[]
  }): string[] {
    const named = new Set([...ghosts, ...attachments, ...engines].map(({ engine }) => engine))
    return [...named].filter((engine) => this.#claims.isAlive(engine)).sort()
  }

  #wordsNow(): string {
    const { epoch, groups, contents } = this.#words
    return `${epoch.load()} ${groups.load()} ${contents.load()}`
  }

  #raiseWords(): void {
    const { epoch, groups, contents } = this.#words
    epoch.raise(readReservation(this.#db).epoch)
    groups.raise(groupsVersion(this.#db))
    contents.raise(this.#storage().contents)
  }
}

function openFile(file: string): Database.Database {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  if (db.pragma('synchronous', { simple: true }) !== 2)
    throw new Error('SQLite does not take synchronous=FULL')
  return db
}
