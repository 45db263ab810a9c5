// The storage that every engine of a LUN shares: one small SQLite file by the LUN's id, in a folder that is a parameter. What
// is read here is a picture of it in memory; the file is its thread's alone.
import type { ErrorCode } from '../../errors/codes.ts'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads'
import { messageOf, PathledgerError } from '../../errors.ts'
import { endingOf } from '../file/ending.ts'
import { KeptGroups } from './groups.ts'
import { lostError } from './lost.ts'
import { READ_WAIT_MS } from './limits.ts'
import type { LunAnswer, LunOpened, LunPicture, LunQuestion, LunThreadData } from './schema.ts'
import type { KeeperPlace, LunWrite, Written } from './schema.ts'
import { wordsAt, type SharedWords } from './shared-words.ts'
import type { LunAttachment, LunContents, LunGhost, LunMedium, LunStore } from './types.ts'
import type { ReservationReply, ReservationStore } from './types.ts'

/** Flags of the embedding program are not the thread's: with --input-type, say, it would not start. */
const NO_FLAGS: string[] = []
/** The number of a question whose answer comes another way. */
const NOBODY = -1

/** The file of a LUN in a folder: named by the hash of its id, which may hold what file names may not. */
export function lunFileName(folder: string, wwid: string): string {
  return join(folder, `${createHash('sha256').update(wwid).digest('hex').slice(0, 40)}.lun`)
}

/**
 * Opens, or makes, the storage of a LUN and claims it for this engine; what the same LUN has in `oldFolders` is taken over,
 * once. Rejects with LUN_STORAGE or LUN_CLAIMED. Waits for the disk, and holds up nothing else.
 */
export async function openLunFile(
  folder: string,
  wwid: string,
  engine: string,
  oldFolders: readonly string[] = [],
): Promise<LunStore> {
  const old = oldFolders.map((one) => lunFileName(one, wwid))
  const thread = new LunThread({ file: lunFileName(folder, wwid), engine, old }, folder)
  return new LunFile(thread, await thread.opened())
}

class LunFile implements LunStore {
  readonly #thread: LunThread
  readonly #listeners = new Set<() => void>()
  readonly id: string
  readonly fresh: boolean
  readonly reservations: ReservationStore
  readonly groups: KeptGroups
  /** Null once it is closed: the words' memory may be gone then. */
  #words: SharedWords | null
  #lastEpoch = 0
  #picture: LunPicture
  #alive: ReadonlySet<string>
  /** The number of changes that we have heard of, or have made ourselves. */
  #seen: number

  constructor(thread: LunThread, { name, fresh, picture, wordsAt: at }: LunOpened) {
    this.#thread = thread
    this.id = name
    this.fresh = fresh
    this.#words = wordsAt(at)
    this.#picture = picture
    this.#alive = new Set(picture.alive)
    this.#seen = picture.contentsCount
    this.reservations = {
      word: () => (this.#lastEpoch = this.#words?.epoch.load() ?? this.#lastEpoch),
      read: () => this.#picture.reservation,
      readNow: () => this.#readNow(),
      engines: () => this.#picture.engines,
      request: (request) => this.#reserve({ kind: 'reserve', request }),
      acknowledge: (acked, epoch) => this.#write({ kind: 'acknowledge', engine: acked, epoch }),
      leave: (engine) => this.#write({ kind: 'leave', engine }),
      isAlive: (engine) => this.isAlive(engine),
      catchUp: () => this.catchUp(),
      onChange: (listener) => this.onChange(listener),
    }
    this.groups = new KeptGroups({
      read: () => this.#picture.groups,
      write: async (groups, replace) => {
        const written = await thread.write({ kind: 'groups', groups, replace })
        this.#picture = { ...this.#picture, groups: written.value as LunPicture['groups'] }
      },
    })
    thread.onNews = (news) => this.#take(news)
  }

  load(): LunContents {
    return this.#picture.contents
  }

  media(): readonly LunMedium[] {
    return this.#picture.media
  }

  changed(): boolean {
    return this.#words !== null && this.#words.contents.load() > this.#seen
  }

  async catchUp(): Promise<void> {
    this.#take((await this.#thread.ask({ ask: 'picture' })) as LunPicture)
  }

  openGhosts(ghosts: readonly LunGhost[]): Promise<void> {
    return this.#write({ kind: 'openGhosts', ghosts })
  }

  endGhosts(ids: readonly string[], by: string): Promise<void> {
    return this.#write({ kind: 'endGhosts', ids, by })
  }

  forgetEnded(ids: readonly string[]): Promise<void> {
    return this.#write({ kind: 'forgetEnded', ids })
  }

  attach(attachment: LunAttachment, medium: LunMedium | null = null): Promise<void> {
    return this.#write({ kind: 'attach', attachment, medium })
  }

  detach(attach: string): Promise<void> {
    return this.#write({ kind: 'detach', attach })
  }

  join(engine: string, initiator: string): Promise<void> {
    return this.#write({ kind: 'join', engine, initiator })
  }

  async isLetGo(device: string, deviceKey: string): Promise<boolean> {
    return (await this.#thread.ask({ ask: 'isLetGo', device, deviceKey })) as boolean
  }

  isAlive(engine: string): boolean {
    return this.#alive.has(engine)
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  onLost(listener: (error: PathledgerError) => void): void {
    this.#thread.onLost = listener
  }

  async close(): Promise<void> {
    this.#words = null
    await this.#thread.close()
  }

  #readNow(): LunPicture['reservation'] {
    const inForce = this.#words?.epoch.load() ?? 0
    const picture = inForce > this.#picture.reservation.epoch ? this.#thread.pictureNow() : null
    if (picture !== null) this.#take(picture)
    return this.#picture.reservation
  }

  async #write(write: LunWrite): Promise<void> {
    this.#count(await this.#thread.write(write))
  }

  async #reserve(write: LunWrite): Promise<ReservationReply> {
    const written = await this.#thread.write(write)
    const reply = written.value as ReservationReply
    this.#count(written)
    const { epoch, state } = reply
    if (epoch >= this.#picture.reservation.epoch) {
      this.#picture = { ...this.#picture, reservation: { epoch, state } }
    }
    return reply
  }

  /** Our own change needs no look, unless somebody else's came before it. */
  #count({ contentsCount }: Written): void {
    if (contentsCount === this.#seen + 1) this.#seen = contentsCount
  }

  #take(picture: LunPicture): void {
    // One that was asked for at once overtakes those that are on their way.
    if (picture.contentsCount < this.#picture.contentsCount) return
    this.#picture = picture
    this.#alive = new Set(picture.alive)
    this.#seen = Math.max(this.#seen, picture.contentsCount)
    for (const listener of this.#listeners) listener()
    this.groups.changed()
  }
}

/** The thread and what was asked of it. An idle one does not keep the process alive. */
class LunThread {
  readonly #worker: Worker
  readonly #folder: string
  readonly #file: string
  readonly #open = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>()
  readonly #opened: Promise<unknown>
  readonly #now: MessagePort
  readonly #nowAnswers = new Int32Array(new SharedArrayBuffer(4))
  #nowAsked = 0
  #lastId = 0
  #closing = false
  onNews: (picture: LunPicture) => void = () => undefined
  onLost: (error: PathledgerError) => void = () => undefined

  constructor(place: KeeperPlace, folder: string) {
    this.#folder = folder
    this.#file = place.file
    const entry = new URL(`./lun-worker.${endingOf(import.meta.url)}`, import.meta.url)
    // The claim is the engine's: a thread that ends does not let go of it.
    const { port1, port2 } = new MessageChannel()
    this.#now = port1
    const workerData: LunThreadData = { place, now: { port: port2, answers: this.#nowAnswers } }
    const options = { workerData, transferList: [port2], execArgv: NO_FLAGS, trackUnmanagedFds: false }
    this.#worker = new Worker(entry, options)
    this.#worker.unref()
    this.#opened = this.#expect(0)
    this.#worker.on('message', (answer: LunAnswer) => this.#hear(answer))
    this.#worker.on('error', (error: Error) => this.#died(error))
    this.#worker.on('exit', () => this.#died(new Error('its thread has ended')))
  }

  async opened(): Promise<LunOpened> {
    try {
      return (await this.#opened) as LunOpened
    } catch (error) {
      this.#closing = true
      void this.#worker.terminate()
      throw error
    }
  }

  async write(write: LunWrite): Promise<Written> {
    return (await this.ask({ ask: 'write', write })) as Written
  }

  ask(question: LunQuestion): Promise<unknown> {
    this.#lastId += 1
    const answered = this.#expect(this.#lastId)
    this.#worker.postMessage({ id: this.#lastId, question })
    return answered
  }

  /** What is there now; null when it did not say so in a moment. While it owes such an answer it is not asked again. */
  pictureNow(): LunPicture | null {
    const answered = Atomics.load(this.#nowAnswers, 0)
    if (answered === this.#nowAsked) {
      this.#nowAsked += 1
      this.#worker.postMessage({ id: NOBODY, question: { ask: 'pictureNow' } })
      Atomics.wait(this.#nowAnswers, 0, answered, READ_WAIT_MS)
    }
    let newest: LunPicture | null = null
    for (let got = receiveMessageOnPort(this.#now); got !== undefined; got = receiveMessageOnPort(this.#now))
      newest = got.message as LunPicture
    return newest
  }

  /** Where its disk hangs it never ends; then it keeps nobody. */
  async close(): Promise<void> {
    this.#closing = true
    const closed = this.ask({ ask: 'close' })
    this.#worker.unref()
    await closed
    this.#now.close()
  }

  #expect(id: number): Promise<unknown> {
    this.#worker.ref()
    return new Promise((resolve, reject) => void this.#open.set(id, { resolve, reject }))
  }

  #hear(answer: LunAnswer): void {
    if ('news' in answer) return this.onNews(answer.news)
    if ('over' in answer) return this.onLost(this.#errorOf(answer.over))
    const { id, error, value } = answer
    const waiting = this.#open.get(id)
    this.#open.delete(id)
    if (this.#open.size === 0) this.#worker.unref()
    if (error === null) waiting?.resolve(value)
    else waiting?.reject(this.#errorOf(error))
  }

  #errorOf({ code, why }: { code: ErrorCode; why: string }): PathledgerError {
    if (code === 'LUN_STORAGE_LOST') return lostError(this.#file, why)
    if (code === 'LUN_STORAGE') return storageError(this.#folder, new Error(why))
    return new PathledgerError(code, {
      message: `The LUN's own storage at ${this.#folder} cannot be used.`,
      why,
      todo: 'Give each engine an id of its own.',
      errno: 'EBUSY',
    })
  }

  #died(error: Error): void {
    for (const { reject } of this.#open.values()) reject(storageError(this.#folder, error))
    this.#open.clear()
    if (!this.#closing) this.onLost(lostError(this.#file, messageOf(error)))
    this.#closing = true
  }
}

function storageError(place: string, cause: Error): PathledgerError {
  return new PathledgerError('LUN_STORAGE', {
    message: `The LUN's own storage at ${place} cannot be used.`,
    why: messageOf(cause),
    todo: 'Look at the folder and its disk; lunFolder says where it is.',
    errno: 'EIO',
    outcome: 'unknown',
    cause,
  })
}
