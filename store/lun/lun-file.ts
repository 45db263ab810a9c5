// The storage that every engine of a LUN shares: one small SQLite file by the LUN's id, in a folder that is a parameter.
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { PathledgerError } from '../../errors.ts'
import { Claims } from './claims.ts'
import { LUN_APPLICATION_ID, LUN_SCHEMA_VERSION, type LunWrite } from './schema.ts'
import type { LunAttachment, LunContents, LunGhost, LunStore } from './types.ts'

/** Flags of the embedding program are not the thread's: with --input-type, say, it would not start. */
const NO_FLAGS: string[] = []

interface Answer {
  readonly id: number
  readonly error: string | null
}

/** The file of a LUN in a folder: named by the hash of its id, which may hold what file names may not. */
export function lunFileName(folder: string, wwid: string): string {
  return join(folder, `${createHash('sha256').update(wwid).digest('hex').slice(0, 40)}.lun`)
}

/** Opens, or makes, the storage of a LUN and claims it for this engine. Rejects with LUN_STORAGE or LUN_CLAIMED. */
export async function openLunFile(folder: string, wwid: string, engine: string): Promise<LunStore> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const file = lunFileName(folder, wwid)
    const claims = new Claims(`${file}.engines`)
    claims.take(engine)
    const worker = new LunWriter(file)
    await worker.ready()
    return new LunFile(file, claims, worker)
  } catch (error) {
    throw storageError(folder, error)
  }
}

class LunFile implements LunStore {
  readonly #db: Database.Database
  readonly #claims: Claims
  readonly #writer: LunWriter
  readonly #version: Database.Statement<[]>
  #seen: unknown = null

  constructor(file: string, claims: Claims, writer: LunWriter) {
    this.#claims = claims
    this.#writer = writer
    this.#db = new Database(file, { readonly: true, timeout: 50 })
    const id = this.#db.pragma('application_id', { simple: true })
    const version = this.#db.pragma('user_version', { simple: true })
    if (id !== LUN_APPLICATION_ID || version !== LUN_SCHEMA_VERSION) {
      throw new Error(`${file} is not the storage of a LUN that this version knows`)
    }
    // Grows when any other connection commits, and costs no look at a table.
    this.#version = this.#db.prepare('PRAGMA data_version').pluck()
  }

  load(): LunContents {
    this.#seen = this.#version.get()
    const ghosts = this.#db.prepare<[], LunGhost>('SELECT * FROM ghosts ORDER BY rowid').all()
    const attachments = this.#db.prepare<[], LunAttachment>('SELECT * FROM attachments ORDER BY rowid').all()
    return { ghosts, attachments }
  }

  changed(): boolean {
    return this.#version.get() !== this.#seen
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

  isAlive(engine: string): boolean {
    return this.#claims.isAlive(engine)
  }

  async close(): Promise<void> {
    this.#db.close()
    await this.#writer.close()
    this.#claims.release()
  }
}

/** The worker and what was asked of it. An idle one does not keep the process alive. */
class LunWriter {
  readonly #worker: Worker
  readonly #file: string
  readonly #open = new Map<number, { resolve: () => void; reject: (error: unknown) => void }>()
  readonly #ready: Promise<void>
  #lastId = 0

  constructor(file: string) {
    this.#file = file
    const entry = new URL(
      import.meta.url.endsWith('.ts') ? './lun-worker.ts' : './lun-worker.js',
      import.meta.url,
    )
    this.#worker = new Worker(entry, { workerData: { file }, execArgv: NO_FLAGS })
    this.#worker.unref()
    this.#ready = this.#expect(0)
    this.#worker.on('message', (answer: Answer) => this.#hear(answer))
    this.#worker.on('error', (error: Error) => this.#died(error))
    this.#worker.on('exit', () => this.#died(new Error('its writer has ended')))
  }

  ready(): Promise<void> {
    return this.#ready
  }

  write(write: LunWrite): Promise<void> {
    return this.#ask(write)
  }

  async close(): Promise<void> {
    await this.#ask('close')
  }

  #ask(write: LunWrite | 'close'): Promise<void> {
    this.#lastId += 1
    const answered = this.#expect(this.#lastId)
    this.#worker.postMessage({ id: this.#lastId, write })
    return answered
  }

  #expect(id: number): Promise<void> {
    this.#worker.ref()
    return new Promise((resolve, reject) => void this.#open.set(id, { resolve, reject }))
  }

  #hear({ id, error }: Answer): void {
    const waiting = this.#open.get(id)
    this.#open.delete(id)
    if (this.#open.size === 0) this.#worker.unref()
    if (error === null) waiting?.resolve()
    else waiting?.reject(storageError(this.#file, new Error(error)))
  }

  #died(error: Error): void {
    for (const { reject } of this.#open.values()) reject(storageError(this.#file, error))
    this.#open.clear()
  }
}

function storageError(place: string, cause: unknown): PathledgerError {
  if (cause instanceof PathledgerError) return cause
  return new PathledgerError('LUN_STORAGE', {
    message: `The LUN's own storage at ${place} cannot be used.`,
    why: cause instanceof Error ? cause.message : String(cause),
    todo: 'Look at the folder and its disk; lunFolder says where it is.',
    errno: 'EIO',
    outcome: 'unknown',
    cause,
  })
}
