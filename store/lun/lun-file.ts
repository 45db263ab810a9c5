// The storage that every engine of a LUN shares: one small SQLite file by the LUN's id, in a folder that is a parameter.
import { createHash } from 'node:crypto'
import { closeSync, constants, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { messageOf, PathledgerError } from '../../errors.ts'
import { endingOf } from '../file/ending.ts'
import { checkedAttachments, checkedGhosts } from './checked.ts'
import { Claims } from './claims.ts'
import { Commits } from './commits.ts'
import { KeptGroups } from './groups.ts'
import { readEngines, readReservation } from './reservations.ts'
import { openSharedWords, type SharedWords } from './shared-words.ts'
import type { LunAnswer, LunWrite } from './schema.ts'
import type { LunAttachment, LunContents, LunGhost, LunStore } from './types.ts'
import type { ReservationReply, ReservationStore } from './types.ts'

/** Flags of the embedding program are not the thread's: with --input-type, say, it would not start. */
const NO_FLAGS: string[] = []

/** The file of a LUN in a folder: named by the hash of its id, which may hold what file names may not. */
export function lunFileName(folder: string, wwid: string): string {
  return join(folder, `${createHash('sha256').update(wwid).digest('hex').slice(0, 40)}.lun`)
}

/** Opens, or makes, the storage of a LUN and claims it for this engine. Rejects with LUN_STORAGE or LUN_CLAIMED. */
export async function openLunFile(folder: string, wwid: string, engine: string): Promise<LunStore> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const file = lunFileName(folder, wwid)
    // Not through a symbolic link, and for its owner alone; what SQLite puts beside it has the same mode.
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
    const claims = new Claims(`${file}.engines`)
    claims.take(engine)
    try {
      const worker = new LunWriter(file)
      await worker.ready()
      return new LunFile(file, claims, worker, openSharedWords(wordFileName(file)))
    } catch (error) {
      claims.release()
      throw error
    }
  } catch (error) {
    throw storageError(folder, error)
  }
}

/** The file of the mapped words, beside the LUN's. */
function wordFileName(file: string): string {
  return `${file}.epoch`
}

class LunFile implements LunStore {
  readonly #db: Database.Database
  readonly #claims: Claims
  readonly #writer: LunWriter
  readonly #commits: Commits
  readonly #words: SharedWords
  readonly reservations: ReservationStore
  readonly groups: KeptGroups

  constructor(file: string, claims: Claims, writer: LunWriter, words: SharedWords) {
    this.#words = words
    this.#claims = claims
    this.#writer = writer
    this.#db = new Database(file, { readonly: true, timeout: 50 })
    this.#commits = new Commits(this.#db)
    const db = this.#db
    this.reservations = {
      word: () => words.epoch.load(),
      read: () => reading(file, () => readReservation(db)),
      engines: () => reading(file, () => readEngines(db)),
      request: (request) => writer.ask<ReservationReply>({ kind: 'reserve', request }),
      acknowledge: (engine, epoch) => writer.write({ kind: 'acknowledge', engine, epoch }),
      leave: (engine) => writer.write({ kind: 'leave', engine }),
      isAlive: (engine) => claims.isAlive(engine),
      onChange: (listener) => void writer.onWord.add(listener),
    }
    this.groups = new KeptGroups(db, {
      write: (groups, replace) => writer.write({ kind: 'groups', groups, replace }),
    })
    writer.onWord.add(() => this.groups.changed())
  }

  load(): LunContents {
    this.#commits.mark()
    return reading(this.#db.name, () => ({
      ghosts: checkedGhosts(this.#db.prepare('SELECT * FROM ghosts ORDER BY rowid').all()),
      attachments: checkedAttachments(this.#db.prepare('SELECT * FROM attachments ORDER BY rowid').all()),
    }))
  }

  changed(): boolean {
    return this.#commits.changed()
  }

  openGhosts(ghosts: readonly LunGhost[]): Promise<void> {
    return this.#writer.write({ kind: 'openGhosts', ghosts })
  }

  endGhosts(ids: readonly string[]): Promise<void> {
    return this.#writer.write({ kind: 'endGhosts', ids })
  }

  attach(attachment: LunAttachment): Promise<void> {
    return this.#writer.write({ kind: 'attach', attachment })
  }

  detach(engine: string, path: string): Promise<void> {
    return this.#writer.write({ kind: 'detach', engine, path })
  }

  join(engine: string, initiator: string): Promise<void> {
    return this.#writer.write({ kind: 'join', engine, initiator })
  }

  isLetGo(device: string): Promise<boolean> {
    return this.#writer.ask<boolean>({ kind: 'isLetGo', device })
  }

  isAlive(engine: string): boolean {
    return this.#claims.isAlive(engine)
  }

  async close(): Promise<void> {
    this.#commits.close()
    this.#db.close()
    await this.#writer.close()
    this.#words.close()
    this.#claims.release()
  }
}

/** The worker and what was asked of it. An idle one does not keep the process alive. */
class LunWriter {
  readonly #worker: Worker
  readonly #file: string
  readonly #open = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>()
  readonly #ready: Promise<unknown>
  #lastId = 0
  /** Called when one of the shared words has changed. */
  readonly onWord = new Set<() => void>()

  constructor(file: string) {
    this.#file = file
    const entry = new URL(`./lun-worker.${endingOf(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(entry, { workerData: { file, word: wordFileName(file) }, execArgv: NO_FLAGS })
    this.#worker.unref()
    this.#ready = this.#expect(0)
    this.#worker.on('message', (answer: LunAnswer) => this.#hear(answer))
    this.#worker.on('error', (error: Error) => this.#died(error))
    this.#worker.on('exit', () => this.#died(new Error('its writer has ended')))
  }

  async ready(): Promise<void> {
    await this.#ready
  }

  async write(write: LunWrite): Promise<void> {
    await this.#ask(write)
  }

  /** Like {@link write}, for what has an answer. */
  ask<Value>(write: LunWrite): Promise<Value> {
    return this.#ask(write) as Promise<Value>
  }

  async close(): Promise<void> {
    await this.#ask('close')
  }

  #ask(write: LunWrite | 'close'): Promise<unknown> {
    this.#lastId += 1
    const answered = this.#expect(this.#lastId)
    this.#worker.postMessage({ id: this.#lastId, write })
    return answered
  }

  #expect(id: number): Promise<unknown> {
    this.#worker.ref()
    return new Promise((resolve, reject) => void this.#open.set(id, { resolve, reject }))
  }

  #hear({ id, error, value }: LunAnswer): void {
    if (id === -1) {
      for (const listener of this.onWord) listener()
      return
    }
    const waiting = this.#open.get(id)
    this.#open.delete(id)
    if (this.#open.size === 0) this.#worker.unref()
    if (error === null) waiting?.resolve(value)
    else waiting?.reject(storageError(this.#file, new Error(error)))
  }

  #died(error: Error): void {
    for (const { reject } of this.#open.values()) reject(storageError(this.#file, error))
    this.#open.clear()
  }
}

/** What cannot be read, or is not what an engine writes, is an error of the storage. */
function reading<Value>(file: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw storageError(file, error)
  }
}

function storageError(place: string, cause: unknown): PathledgerError {
  if (cause instanceof PathledgerError) return cause
  return new PathledgerError('LUN_STORAGE', {
    message: `The LUN's own storage at ${place} cannot be used.`,
    why: messageOf(cause),
    todo: 'Look at the folder and its disk; lunFolder says where it is.',
    errno: 'EIO',
    outcome: 'unknown',
    cause,
  })
}
