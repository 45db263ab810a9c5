// The daemon: what it reads, when it looks, and its ledger. It opens no block device, calls no ioctl, writes to nothing but
// its ledger, and asks multipathd for nothing but `show`.
import { dirname } from 'node:path'
import { behaviourOf, OBSERVED_FLAGS } from '../machines/behaviour.ts'
import { PathledgerError } from '../errors.ts'
import { lockLedger } from '../store/file/lock.ts'
import { pages } from '../store/pages.ts'
import { openLedgerReader } from '../store/read/reader.ts'
import { stateAt } from '../store/state/fold.ts'
import type { NewEvent, StoredEvent } from '../store/types.ts'
import { LedgerFile } from '../store/write/ledger-file.ts'
import { Observer, type Now, type ObserverOptions, type Stream } from './observer.ts'
import { refuseOwnDisk } from './own-disk.ts'
import { look, type Sysfs } from './sysfs.ts'

/** How often new lines are taken. */
const TURN_US = 250_000
/** How often counters of I/O are read. */
const COUNTERS_US = 1_000_000
/** How often sysfs is looked at; and at once where a uevent came. */
const LOOK_US = 5_000_000
/** How often multipathd is asked, at most. */
const ASK_US = 30_000_000
/** A child that follows the journal is started again after so long, twice as long each time. */
const RESTART_US = 1_000_000
const RESTART_MAX_US = 60_000_000

/** What a host says of itself, each behind a port; a string is why it cannot be read. */
export interface World {
  readonly now: () => Now
  readonly host: string
  readonly boot: string
  readonly sysfs: Sysfs
  /** The device under the ledger's folder. */
  readonly deviceUnder: (path: string) => string | null
  readonly openKmsg: () => { take(): { records: readonly string[]; lost: boolean }; close(): void } | string
  readonly openUevents: () =>
    { take(): { events: readonly ReadonlyMap<string, string>[]; lost: boolean }; close(): void } | string
  readonly followJournal: (
    after: string | null,
    heard: {
      entry: (json: string) => void
      lost: (why: string) => void
      ended: (why: string) => void
    },
  ) => () => void
  readonly askMaps: () => Promise<{ text: string | null; why: string }>
  readonly setTimer: (atMonoUs: number, run: () => void) => { cancel(): void }
}

export interface ObserveOptions {
  readonly engine: string
  readonly xstate: string
  /** Take one look and end. */
  readonly once?: boolean
  /** Keep the ledger where it would hang with what it watches. */
  readonly evenOnWatched?: boolean
  /** Told of rows as they are on the ledger. */
  readonly onRows?: (rows: readonly NewEvent[]) => void
}

/** A host that is watched. */
export interface Watching {
  /** Ends it, and says on the ledger that it ended. */
  stop(): void
  /** Resolves when it has ended; rejects where its ledger takes no more. */
  readonly ended: Promise<undefined>
}

/** Begins to watch. Throws OBSERVE_OWN_DISK, LEDGER_NOT_OBSERVED, LEDGER_LOCKED. */
export function observe(file: string, world: World, options: ObserveOptions): Watching {
  if (options.evenOnWatched !== true)
    refuseOwnDisk(file, world.deviceUnder(dirname(file)), world.sysfs, look(world.sysfs).devices)
  return new Daemon(file, world, options)
}

class Daemon implements Watching {
  readonly #world: World
  readonly #options: ObserveOptions
  readonly #lock: { release(): void }
  readonly #ledger: LedgerFile
  readonly #observer: Observer
  readonly #kmsg: ReturnType<World['openKmsg']>
  readonly #uevents: ReturnType<World['openUevents']>
  #journal: () => void = () => undefined
  #timer: { cancel(): void } = { cancel: () => undefined }
  #next = { counters: 0, look: 0, ask: 0 }
  #restartUs = RESTART_US
  #asking = false
  #silent = false
  #over = false
  #lastSeq: number
  #cursor: string | null
  readonly ended: Promise<undefined>
  #settle: { resolve(): void; reject(error: unknown): void }

  constructor(file: string, world: World, options: ObserveOptions) {
    this.#world = world
    this.#options = options
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.ended = promise
    this.#settle = { resolve: () => resolve(undefined), reject }
    this.#lock = lockLedger(file, world.now().us)
    try {
      this.#ledger = openLedger(file, world, options)
      const standing = standingOf(file, this.#ledger.created, world)
      this.#lastSeq = standing.lastSeq
      this.#cursor = standing.cursor
      this.#observer = new Observer({
        ...standing.options,
        host: world.host,
        boot: world.boot,
        now: world.now,
        sysfs: world.sysfs,
      })
    } catch (error) {
      this.#lock.release()
      throw error
    }
    this.#kmsg = world.openKmsg()
    this.#uevents = world.openUevents()
    const absent: Partial<Record<Stream, string>> = {}
    if (typeof this.#kmsg === 'string') absent.kmsg = this.#kmsg
    if (typeof this.#uevents === 'string') absent.uevents = this.#uevents
    this.#observer.start(absent)
    if (options.once !== true) this.#follow()
    this.#first()
  }

  /** Names first, so that lines find them; then what multipathd says, and what lines there are. */
  #first(): void {
    this.#observer.sysfs()
    if (this.#lastSeq === 0 && typeof this.#kmsg !== 'string') this.#skipOld()
    void this.#ask().then(() => {
      if (this.#options.once === true) this.stop()
      else this.#turn()
    })
  }

  /** What was logged before anybody watched here is for `ingest`. */
  #skipOld(): void {
    if (typeof this.#kmsg === 'string') return
    while (this.#kmsg.take().records.length > 0);
  }

  #follow(): void {
    this.#journal = this.#world.followJournal(this.#cursor, {
      entry: (json) => {
        this.#restartUs = RESTART_US
        this.#cursor = /"__CURSOR"\s*:\s*"([^"]+)"/.exec(json)?.[1] ?? this.#cursor
        this.#observer.journal(json, typeof this.#kmsg === 'string')
      },
      lost: (why) => this.#observer.lost('journal', why, null),
      ended: (why) => this.#again(why),
    })
  }

  #again(why: string): void {
    if (this.#over) return
    if (this.#restartUs === RESTART_US) this.#observer.lost('journal', `it cannot be followed: ${why}`, null)
    this.#world.setTimer(this.#world.now().monoUs + this.#restartUs, () => {
      if (!this.#over) this.#follow()
    })
    this.#restartUs = Math.min(RESTART_MAX_US, this.#restartUs * 2)
  }

  #turn(): void {
    if (this.#over) return
    try {
      this.#take()
      this.#append(this.#observer.flush())
    } catch (error) {
      this.#end(error)
      return
    }
    this.#timer = this.#world.setTimer(this.#world.now().monoUs + TURN_US, () => this.#turn())
  }

  #take(): void {
    if (typeof this.#kmsg !== 'string') {
      const { records, lost } = this.#kmsg.take()
      if (lost) this.#observer.lost('kmsg', 'the kernel overwrote records before they were read', null)
      for (const record of records) this.#record(record)
    }
    const { monoUs } = this.#world.now()
    if (this.#heardUevents() || monoUs >= this.#next.look) {
      this.#observer.sysfs()
      this.#next.look = monoUs + LOOK_US
    }
    if (monoUs >= this.#next.counters) {
      this.#observer.stalls()
      this.#next.counters = monoUs + COUNTERS_US
    }
    if (monoUs >= this.#next.ask) void this.#ask()
  }

  #record(record: string): void {
    const seq = Number(/^\d+,(\d+),/.exec(record)?.[1] ?? 0)
    if (seq <= this.#lastSeq && this.#lastSeq > 0) return
    if (this.#lastSeq > 0 && seq > this.#lastSeq + 1)
      this.#observer.lost('kmsg', 'records of the kernel are missing', seq - this.#lastSeq - 1)
    this.#lastSeq = seq
    this.#observer.kmsg(record)
  }

  #heardUevents(): boolean {
    if (typeof this.#uevents === 'string') return false
    const { events, lost } = this.#uevents.take()
    if (lost) this.#observer.lost('uevents', 'the kernel dropped events before they were read', null)
    for (const event of events) this.#observer.uevent(event)
    return events.length > 0 || lost
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    this.#next.ask = this.#world.now().monoUs + ASK_US
    const { text, why } = await this.#world.askMaps()
    this.#asking = false
    if (this.#over) return
    if (text !== null) this.#observer.maps(text)
    else if (!this.#silent) this.#observer.lost('multipathd', `it does not answer: ${why}`, null)
    this.#silent = text === null
  }

  #append(rows: readonly NewEvent[]): void {
    if (rows.length === 0) return
    this.#ledger.append(rows)
    this.#ledger.keepUp()
    this.#options.onRows?.(rows)
  }

  stop(): void {
    if (this.#over) return
    try {
      this.#append(this.#observer.stop())
      this.#end(null)
    } catch (error) {
      this.#end(error)
    }
  }

  #end(error: unknown): void {
    this.#over = true
    this.#timer.cancel()
    this.#journal()
    if (typeof this.#kmsg !== 'string') this.#kmsg.close()
    if (typeof this.#uevents !== 'string') this.#uevents.close()
    this.#ledger.close()
    this.#lock.release()
    if (error === null) this.#settle.resolve()
    else this.#settle.reject(error)
  }
}

function openLedger(file: string, world: World, { engine, xstate }: ObserveOptions): LedgerFile {
  const { us, monoUs } = world.now()
  const ledger = LedgerFile.open(file, {
    header: {
      ...{ eventId: `observe ${world.boot} ${us}`, recordedAtUs: us, monoUs, bootId: world.boot },
      ...{ engine, xstate, flags: OBSERVED_FLAGS, actor: 'observed:reader' },
    },
  })
  if (behaviourOf(ledger.header.flags).observed) return ledger
  ledger.close()
  throw new PathledgerError('LEDGER_NOT_OBSERVED', {
    message: `${file} is the ledger of an engine.`,
    why: 'What others do is kept apart from what an engine decided.',
    todo: 'Name a file that does not exist.',
  })
}

interface Standing {
  readonly options: Pick<ObserverOptions, 'firstSource' | 'states' | 'before'>
  readonly lastSeq: number
  readonly cursor: string | null
}

/** Where the ledger was left: states, sources that nobody closed, and the last lines of this boot. */
function standingOf(file: string, created: boolean, { boot }: World): Standing {
  if (created) return { options: { firstSource: 1, states: {}, before: null }, lastSeq: 0, cursor: null }
  const reader = openLedgerReader(file)
  try {
    const left = new Left(boot)
    for (const row of [...pages(reader, {})].flat()) left.take(row)
    const { streams } = stateAt(reader, { position: reader.head().events })
    const states = Object.fromEntries(
      Object.entries(streams).map(([stream, { value, context }]) => [stream, { value, context }]),
    )
    const before = { us: left.lastUs, open: [...left.open] }
    return {
      options: { firstSource: left.last + 1, states, before },
      ...{ lastSeq: left.lastSeq, cursor: left.cursor },
    }
  } finally {
    reader.close()
  }
}

/** What the rows of a ledger say of who watched before. */
class Left {
  readonly open = new Set<number>()
  readonly #kmsg = new Set<number>()
  readonly #boot: string
  last = 0
  lastUs = 0
  lastSeq = 0
  cursor: string | null = null

  constructor(boot: string) {
    this.#boot = boot
  }

  take({ type, stream, recordedAtUs, data: text }: StoredEvent): void {
    this.lastUs = Math.max(this.lastUs, recordedAtUs)
    const data = JSON.parse(text) as Record<string, unknown>
    const number = Number(stream.slice('source/'.length))
    if (type === 'source.opened') this.#opened(number, data)
    else if (type === 'source.closed') this.open.delete(number)
    const seen = data.seen as { source: number; line: number; cursor?: string } | undefined
    if (seen !== undefined && this.#kmsg.has(seen.source)) this.lastSeq = Math.max(this.lastSeq, seen.line)
    this.cursor = seen?.cursor ?? this.cursor
  }

  #opened(number: number, { name, boot }: Record<string, unknown>): void {
    this.last = Math.max(this.last, number)
    this.open.add(number)
    if (name === 'kmsg' && boot === this.#boot) this.#kmsg.add(number)
  }
}
