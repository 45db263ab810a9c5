// A head as a program sees it: a block device with a promise API.
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import type { UniqueIdType } from '../../adapters/unique-id.ts'
import type { DeviceLimits } from '../../adapters/ports.ts'
import type { PathledgerError } from '../../errors.ts'
import type { Failback, HeadValue, IoOp, IoPolicy, Loss, NoPathRetry, Quantum } from '../../machines/words.ts'
import type { HeadCounters } from '../accounting/counters.ts'
import type { DiskStat } from '../accounting/disk-stat.ts'
import { checkBios, isNothing, memoryOf, noOptions, openIoOf, type HeadBio } from './head-bio.ts'
import type { RangeOptions, ReadOptions, WriteOptions } from './io-options.ts'
import type { HeadIo } from '../io/head-io.ts'
import { HELD, WITHOUT_PATH } from '../io/waiting.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import * as words from './head-words.ts'
import { drainedError, noBytesError } from '../io/errors.ts'
import { headGoneError } from '../heads/gone.ts'
import type { LentBuffer } from '../memory/lender.ts'
import { recordHead } from '../heads/lifecycle.ts'
import { OpenIo, type IoManner, type IoMemory } from '../io/open-io.ts'
import { Partition, type PartitionOptions } from './partition.ts'
import { getGeometry, getUniqueId, passIoctl, sendCommand } from './pass-through.ts'
import type {
  CommandOptions,
  CommandResult,
  DiskGeometry,
  IoctlOptions,
  IoctlResult,
} from './pass-through.ts'
import type { Path } from './path.ts'
import type { OperatorWord } from '../core/spoken.ts'
import { applyCounters, checkCounters, zeros, type CounterValues } from '../accounting/set-counters.ts'
import { followSizes } from '../heads/resize.ts'
import type { Settings } from '../core/settings.ts'
import { Reservations } from './reservations.ts'
import { checkWord, spokenBy } from '../core/spoken.ts'
import { checkTracing, type Tracing } from '../accounting/trace.ts'

/**
 * One logical unit behind all its paths. Taken from {@link Multipath.head}. An I/O that fails on a path is sent again in
 * full on another; the caller hears of an error only when it is the LUN's own or no path is left.
 *
 * Errors of all I/O: IO_ERROR (errno as the kernel maps the status), NO_PATH, IO_UNALIGNED, IO_OUT_OF_RANGE, QUEUE_FULL,
 * HEAD_REMOVED, CLOSED, LEDGER_STALLED, or the code that stopped the engine.
 */
export class Head {
  readonly #runtime: HeadRuntime
  readonly #io: HeadIo
  readonly #pathOf: (runtime: PathRuntime) => Path

  /** @internal */
  constructor(runtime: HeadRuntime, io: HeadIo, pathOf: (runtime: PathRuntime) => Path) {
    this.#runtime = runtime
    this.#io = io
    this.#pathOf = pathOf
  }

  /** 'sda'. */
  get name(): string {
    return this.#runtime.name
  }

  /** The N of scsi_mpath_device/N: the lowest that was free when the head was made. */
  get index(): number {
    return this.#runtime.index
  }

  get wwid(): string {
    return this.#runtime.lun.wwid
  }

  get sizeBytes(): number {
    return this.#runtime.sizeBytes
  }

  /**
   * Looks at once whether the LUN has another size now; while there is I/O that happens by itself, every `sampleMs`. The
   * head grows when all its paths have grown alike. It never shrinks; that a path did is an event.
   */
  rescan(): void {
    this.#refuseIfGone()
    followSizes(this.#runtime)
  }

  /** What one I/O may be, of all paths at once (`queue/` in sysfs): I/O is cut to it. Null before the first path. */
  get limits(): DeviceLimits | null {
    return this.#runtime.limits
  }

  /** The unit of offsets and lengths. */
  get logicalBlockBytes(): number {
    return this.#runtime.logicalBlockBytes
  }

  /** Its life and what service it gives (docs/head.mmd draws them). */
  get state(): HeadValue {
    return this.#runtime.value
  }

  /** Its paths, in the order they were added. */
  get paths(): Path[] {
    return this.#runtime.paths.map(this.#pathOf)
  }

  /** Paths that the last run left and that were not attached again yet, by their names of then. */
  get lost(): readonly { readonly name: string; readonly hctl: string }[] {
    return [...this.#runtime.lost.values()].map(({ context: { name, hctl } }) => ({ name, hctl }))
  }

  get ioPolicy(): IoPolicy {
    return this.#runtime.policy
  }

  get noPathRetry(): NoPathRetry {
    return this.#runtime.context.noPathRetry
  }

  /** I/Os that wait for a path, and their bytes. */
  get queued(): { readonly bios: number; readonly bytes: number } {
    return this.#io.queued
  }

  /** Writes that wait for a ghost to end, and their bytes. */
  get held(): { readonly bios: number; readonly bytes: number } {
    return this.#io.held
  }

  /** While `noPathRetry` counts: checks left before parked I/O fails, and the time to the next one. Else null. */
  get countdown(): { readonly checksLeft: number; readonly nextCheckMs: number } | null {
    const { checksLeft, timers } = this.#runtime.context
    const dueUs = timers['noPath']
    if (dueUs === undefined) return null
    const leftUs = dueUs - this.#runtime.core.clock.monoUs()
    return { checksLeft, nextCheckMs: Math.max(0, Math.ceil(leftUs / 1000)) }
  }

  /** What was done through this head since it was created: I/Os, bytes, errors at callers, requeues, re-sends. */
  get counters(): Readonly<HeadCounters> {
    return { ...this.#runtime.counters }
  }

  /** The statistics of the disk: I/Os, sectors, ticks, and what is in flight, as /sys/block/*\/stat has them. */
  get stat(): DiskStat {
    return this.#runtime.stats.read(this.#runtime.core.clock.monoUs())
  }

  /** Sets counters; who and why is on the ledger. Throws COUNTER_INVALID (EINVAL), and nothing is changed. */
  setCounters(values: CounterValues<HeadCounters>, word: OperatorWord = {}): void {
    checkWord(word)
    this.#refuseIfGone()
    const head = this.#runtime
    checkCounters(head.counters, values)
    const was = applyCounters(head.counters, head.sampled, values)
    const origin = { actor: word.actor ?? 'operator', reason: word.reason ?? null }
    recordHead(head, 'head.countersSet', { was, now: { ...values } }, origin)
  }

  /** Sets every counter to 0. */
  resetCounters(word: OperatorWord = {}): void {
    this.setCounters(zeros(this.#runtime.counters), word)
  }

  /** Persistent reservations of its LUN, on every path. */
  get reservations(): Reservations {
    return new Reservations(this.#runtime)
  }

  /** Reads; resolves with the bytes, which are `into` where it was given. */
  async read(options: ReadOptions): Promise<Uint8Array> {
    if (isNothing(options)) throw noOptions('read', options)
    const { offset, length, into } = options
    const valid = Number.isSafeInteger(length) && length > 0 && length <= this.sizeBytes
    const data = into ?? new Uint8Array(valid ? length : 0)
    await this.#do('read', offset, length, data, 'copied', options)
    return data
  }

  /** Writes; resolves when a path has acknowledged all of it. Refusals of its memory: IO_DATA, BUFFER_*. */
  async write(options: WriteOptions): Promise<void> {
    if (isNothing(options)) throw noOptions('write', options)
    const { data, memory } = memoryOf(options)
    const length = data instanceof Uint8Array ? data.length : 0
    await this.#do('write', options.offset, length, data, memory, options)
  }

  /**
   * Starts many I/Os at once, in order, without a promise for each: what most programs do not need. Each is selected,
   * counted and placed before the next one; they end in any order. One that is refused ends with why, like the others.
   */
  submit(bios: readonly HeadBio[]): void {
    checkBios(bios)
    for (const bio of bios) this.#io.submit(openIoOf(bio))
  }

  /**
   * Resolves when an I/O of so many bytes can be sent without being kept waiting for memory or for room in the queue, in the
   * order in which callers ask: what a program that produces faster than its paths take waits for. Rejects with why that will
   * not be: WAIT_TOO_LONG, QUEUE_FULL, DRAINED, CLOSED, HEAD_REMOVED; IO_DATA for what is no number of bytes.
   */
  async room(bytes: number): Promise<void> {
    const { core, live } = this.#runtime
    if (core.broken !== null) throw core.broken
    if (!live) throw headGoneError(this.#runtime)
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw noBytesError(bytes)
    return new Promise((resolve, reject) => {
      this.#io.whenRoom(bytes, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /**
   * Lends a buffer of the engine's own memory, page-aligned, to be filled and handed to {@link Head.write} without a copy.
   * Never waits: throws POOL_EXHAUSTED when `lentBytesMax` or `poolBytes` is used up (by buffers you have, by writes in
   * flight, and by those that a hung path still holds), BUFFER_TOO_LARGE for more than could ever be lent, IO_UNALIGNED
   * unless `length` is a multiple of the logical block. `release()` gives back one that is not needed;
   * {@link Multipath.memory} counts those that are out, and `close()` calls them in.
   */
  alloc(length: number): LentBuffer {
    const { core, live } = this.#runtime
    if (core.broken !== null) throw core.broken
    if (!live) throw headGoneError(this.#runtime)
    if (Number.isSafeInteger(length) && length > 0 && length % this.logicalBlockBytes === 0) {
      return core.lender.lend(length)
    }
    throw words.unaligned(this.#runtime, length)
  }

  /** Makes what was acknowledged durable. An error is reported once and never driven round until somebody says ok. */
  async flush(options: { readonly node?: number } = {}): Promise<void> {
    if (isNothing(options)) throw noOptions('flush', options)
    await this.#do('flush', 0, 0, null, 'copied', options)
  }

  /** Tells the LUN that it may forget these bytes. They read as anything afterwards; NOTSUPP comes as IO_ERROR. */
  async discard(options: RangeOptions): Promise<void> {
    if (isNothing(options)) throw noOptions('discard', options)
    await this.#do('discard', options.offset, options.length, null, 'copied', options)
  }

  /** Makes these bytes zeros. */
  async writeZeroes(options: RangeOptions): Promise<void> {
    if (isNothing(options)) throw noOptions('writeZeroes', options)
    await this.#do('writeZeroes', options.offset, options.length, null, 'copied', options)
  }

  /**
   * Passes an ioctl through to one path's device, chosen by the policy. It is never tried on another path, and its error
   * is the caller's: NO_PATH (EWOULDBLOCK) when no path is usable now, IOCTL_UNSUPPORTED (ENOTTY) when the device has no
   * such ioctl, IOCTL_FAILED with the errno of the device, or ETIMEDOUT after `attemptTimeoutMs`.
   */
  async ioctl(options: IoctlOptions): Promise<IoctlResult> {
    checkFields('ioctl', 'options', options, IOCTL)
    return passIoctl(this.#runtime, options, false)
  }

  /**
   * Sends a SCSI command down one path, once: SG_IO. Whatever the target answers is the caller's, CHECK CONDITION too.
   * Rejects like {@link ioctl}, and with COMMAND_REFUSED (EOPNOTSUPP) for PERSISTENT RESERVE: one path is not the LUN.
   * A command that writes is beyond all that keeps I/O safe here; no ghost is held off for it.
   */
  async sendCommand(options: CommandOptions): Promise<CommandResult> {
    checkFields('sendCommand', 'options', options, { dataOut: 'bytes?' })
    return sendCommand(this.#runtime, options)
  }

  /** Heads, sectors and cylinders (HDIO_GETGEO), by one path. Rejects like {@link ioctl}. */
  async getGeometry(options: { readonly node?: number } = {}): Promise<DiskGeometry> {
    if (isNothing(options)) throw noOptions('getGeometry', options)
    return getGeometry(this.#runtime, options.node ?? 0)
  }

  /**
   * The LUN's unique id as bytes, by one path: its designator of this kind. Empty where the LUN has none, or the device
   * cannot tell. Rejects with NO_PATH (EWOULDBLOCK) when no path is usable now.
   */
  async getUniqueId(type: UniqueIdType, options: { readonly node?: number } = {}): Promise<Uint8Array> {
    if (isNothing(options)) throw noOptions('getUniqueId', options)
    return getUniqueId(this.#runtime, type, options.node ?? 0)
  }

  /** A part of this head with offsets of its own. Throws PARTITION_INVALID for a range that is none. */
  partition(options: PartitionOptions): Partition<Head> {
    this.#refuseIfGone()
    if (isNothing(options)) throw noOptions('partition', options)
    return new Partition(this, this.#runtime, options)
  }

  /**
   * The operator ends what waits: for a path, a ghost or memory. Each of those I/Os rejects with DRAINED at once.
   * Returns how many bios there were, and their bytes; both are on the ledger.
   */
  drain(word: OperatorWord = {}): { readonly bios: number; readonly bytes: number } {
    checkWord(word)
    this.#refuseIfGone()
    const reason = word.reason ?? 'drained'
    const drained = this.#io.drain(drainedError(this.#runtime, reason), [...WITHOUT_PATH, ...HELD])
    const origin = { actor: word.actor ?? 'operator', reason: word.reason ?? null }
    recordHead(this.#runtime, 'head.drained', { ...drained, why: reason }, origin)
    return drained
  }

  /** Takes effect with the next I/O, clears every cached path, wakes parked I/O. Throws IOPOLICY_INVALID (EINVAL). */
  setIoPolicy(to: IoPolicy, word: OperatorWord = {}): void {
    words.setIoPolicy(this.#spoken(word), to, word)
  }

  /** What I/O does without a usable path: 'fail', 'queue', or wait for so many checks. Throws NO_PATH_RETRY_INVALID. */
  setNoPathRetry(to: NoPathRetry): void {
    words.setNoPathRetry(this.#spoken({}), to)
  }

  /** Which of its I/Os go to the ledger one by one. */
  get tracing(): Tracing {
    return this.#runtime.tracer.tracing
  }

  /**
   * Traces I/O from the next one on: 'off', 'sampled' (each `every`th), 'bounded' (`perSecond`), 'full'. What is left out
   * stays as it is. Throws TRACING_INVALID.
   */
  setTracing(tracing: Partial<Tracing>, word: OperatorWord = {}): void {
    checkWord(word)
    checkArguments('setTracing', { tracing }, { tracing: 'object' })
    const to = checkTracing({ ...this.tracing, ...tracing })
    this.#refuseIfGone()
    this.#runtime.tracer.tracing = to
    recordHead(this.#runtime, 'head.tracingChanged', { ...to }, spokenBy(word))
  }

  /** How long the head outlives its last path; 0 removes a waiting one at once (D-43). Throws DELAYED_REMOVAL_INVALID. */
  setDelayedRemoval(milliseconds: number, word: OperatorWord = {}): void {
    words.setDelayedRemoval(this.#spoken(word), milliseconds, word)
  }

  /** What its operator set: failback, and the path that they prefer (H:C:I:L). And why no path is usable. */
  get failback(): Failback {
    return this.#runtime.context.failback
  }
  get preferredPath(): string | null {
    return this.#runtime.context.preferred
  }
  get loss(): Loss {
    return this.#runtime.context.loss
  }

  /** The operator prefers a path (name or H:C:I:L), or none: all I/O goes there while it is well. PATH_NOT_FOUND. */
  prefer(path: string | null, word: OperatorWord = {}): void {
    words.preferPath(this.#spoken(word), path, word)
  }

  /** Sets {@link failback}; a number is the milliseconds that the path stays well first. Throws FAILBACK_INVALID. */
  setFailback(to: Settings['failback'], word: OperatorWord = {}): void {
    words.setFailback(this.#spoken(word), to, word)
  }

  /** What round-robin sends down one path before it goes on to the next. Throws QUANTUM_INVALID. */
  setQuantum(quantum: Quantum, word: OperatorWord = {}): void {
    words.setQuantum(this.#spoken(word), quantum, word)
  }

  #spoken(word: OperatorWord): HeadRuntime {
    checkWord(word)
    this.#refuseIfGone()
    return this.#runtime
  }

  #do(
    op: IoOp,
    offset: number,
    length: number,
    data: Uint8Array | null,
    memory: IoMemory,
    manner: IoManner,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error: PathledgerError | null) => {
        if (error === null) resolve()
        else reject(error)
      }
      this.#io.submit(new OpenIo(op, offset, length, data, memory, manner, done))
    })
  }

  #refuseIfGone(): void {
    if (this.#runtime.gone) throw headGoneError(this.#runtime)
  }
}

const IOCTL = { command: 'text', argument: 'bytes?', rawIo: 'flag?' } as const
