// I/O through one io_uring per path. A hung I/O holds a slot of its path's ring, and nothing else: no thread, no other
// path, no exit of the process.
//
// An I/O that the kernel can do at once costs no object here and no turn of the event loop: it is written into the ring
// when it is submitted, one system call takes all that one tick submitted, and what has completed by then is told at once.
import { invariant, PathledgerError } from '../../errors.ts'
import { completeSoon, completed, failed, IO_DONE, joinPieces, piecesOf } from '../completions.ts'
import { errnoOfNumber } from '../errno.ts'
import type { Clock, IoBackend, IoCompletion, IoDone, IoRequest, TimerHandle, Turns } from '../ports.ts'
import { Attention } from './attention.ts'
import type { Seen } from './attention.ts'
import { companyOf, type Company, type Member } from './company.ts'
import { Fifo } from './fifo.ts'
import type { DeviceTakes, UringLimits } from './limits.ts'
import { FEW_IN_FLIGHT, QuickWait } from './quick-wait.ts'
import { openRing } from './ring.ts'
import type { Ring } from './ring.ts'
import { isWellFormed, Submitter } from './submission.ts'
import { openWake } from './wake.ts'
import type { Wake } from './wake.ts'

/** After "queue full" and without a completion, until the next try. */
export const QUEUE_FULL_RETRY_MS = 1

/** While the device says "queue full", what it takes is looked up again, but not more often. */
export const LIMITS_LOOK_MS = 100

/** Submissions handed over in one call at most. */
const SUBMISSIONS = 256

/**
 * What is complete when the kernel has taken a batch is told at once, for so many batches in a row; then the event loop
 * has its turn, with its timers, its sockets and the other paths.
 */
export const BATCHES_A_TURN = 16

/** What the backend is handed. */
export interface UringPorts {
  readonly clock: Clock
  readonly turns: Turns
  /** Does what the ring is not for: flush, writeZeroes, discards that it cannot do at once, and what would have to wait. */
  readonly helper: IoBackend
  /** What the device takes now; null where that is not known. Waits for nothing. Default: what it took at first. */
  readonly limitsNow?: () => DeviceTakes | null
}

interface Waiting {
  readonly fd: number
  readonly request: IoRequest
  readonly done: IoDone
}

/** The backend of one path, with its own ring. */
export interface UringBackend extends IoBackend {
  /** Never more than that, whatever the device takes later. */
  readonly inFlightMax: number
  useMemory(memory: ArrayBufferLike): void
  lookAgain(): void
  close(): Promise<void>
}

/**
 * Opens a ring for one path: the backend 'io_uring'. Every read and write says RWF_NOWAIT, so that none waits inside the
 * kernel for a place; "queue full" stays here, keeps its place and is tried again, and is never reported. What is
 * submitted in one tick is one system call. Throws URING_UNAVAILABLE when the kernel gives no ring.
 */
export function uringBackend(ports: UringPorts, limits: UringLimits): UringBackend {
  const ring = openRing({
    submissions: SUBMISSIONS,
    completions: Math.max(SUBMISSIONS, limits.inFlightMax) * 2,
  })
  if ('errno' in ring) throw unavailable(ring.errno)
  return new PathRing(ports, limits, ring)
}

const NO_DONE: IoDone = () => undefined
const NO_REQUEST: IoRequest = { op: 'flush', offset: 0, length: 0, data: null, fua: false }

class PathRing implements UringBackend, Member {
  readonly name = 'io_uring'
  readonly isolatesExit = true
  readonly inFlightMax: number
  readonly #ports: UringPorts
  readonly #again: UringLimits['again']
  #takes: DeviceTakes
  /** Tags that stay free: the device takes fewer than it did at first. */
  #spare = 0
  #lookedUs: number
  readonly #ring: Ring
  readonly #submitter: Submitter
  readonly #wake: Wake
  readonly #attention: Attention
  readonly #quickWait: QuickWait
  readonly #company: Company
  #attends = false
  readonly #waiting = new Fifo<Waiting>()

  // By tag: what the kernel has. It keeps the memory alive, too.
  readonly #requests: IoRequest[]
  readonly #dones: IoDone[]
  readonly #fds: Int32Array
  readonly #freeTags: Int32Array
  #free: number

  // What one look found.
  readonly #finished: IoDone[] = []
  readonly #results: IoCompletion[] = []
  #count = 0
  #refused: Waiting[] = []
  #lastCompletion: IoCompletion = IO_DONE

  #full = false
  #pumpDue = false
  #batches = 0
  #closed = false
  #retry: TimerHandle | null = null

  constructor(ports: UringPorts, limits: UringLimits, ring: Ring) {
    const wake = openWake(ring, () => this.#attention.wakeUp())
    if ('errno' in wake) {
      ring.close()
      throw unavailable(wake.errno)
    }
    const { inFlightMax } = limits
    this.#ports = ports
    this.#again = limits.again
    this.#takes = limits
    this.#lookedUs = ports.clock.monoUs()
    this.#ring = ring
    this.#submitter = new Submitter(ring)
    this.#wake = wake
    this.#attention = new Attention({
      ...ports,
      wake,
      look: () => this.#turn(),
      onSleep: () => this.#attend(),
    })
    this.#company = companyOf(ports.turns)
    this.#quickWait = new QuickWait(ports.clock, ring, this.#company)
    this.inFlightMax = inFlightMax
    this.#requests = new Array<IoRequest>(inFlightMax).fill(NO_REQUEST)
    this.#dones = new Array<IoDone>(inFlightMax).fill(NO_DONE)
    this.#fds = new Int32Array(inFlightMax)
    this.#freeTags = Int32Array.from({ length: inFlightMax }, (_, tag) => tag)
    this.#free = inFlightMax
  }

  useMemory(memory: ArrayBufferLike): void {
    if (!this.#closed) this.#submitter.useMemory(memory)
  }

  submit(fd: number, request: IoRequest, done: IoDone): void {
    if (this.#closed) return completeSoon(done, failed('EBADF'))
    if (!isWellFormed(request)) return completeSoon(done, failed('EINVAL'))
    if (!this.#isForRing(request)) return this.#ports.helper.submit(fd, request, done)
    if (this.#isOnePiece(request) && this.#waiting.length === 0 && this.#hasRoom())
      this.#place(fd, request, done)
    else this.#waiting.push({ fd, request, done })
    this.#pumpSoon()
  }

  /** What the device takes may have changed. What waits here is cut by it when it is its turn. */
  lookAgain(): void {
    this.#lookedUs = this.#ports.clock.monoUs()
    const takes = this.#ports.limitsNow?.() ?? null
    if (takes === null) return
    this.#takes = takes
    this.#spare = Math.max(0, this.inFlightMax - Math.max(1, takes.inFlightMax))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#attention.close()
    this.#attend()
    this.#retry?.cancel()
    this.#wake.close()
    this.#ring.close()
    // What the kernel has may still happen; what it never saw cannot.
    const dones = this.#dones.filter((done) => done !== NO_DONE)
    for (const done of dones) done({ ...failed('ECANCELED'), abandoned: true })
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.done(failed('ECANCELED'))
    }
    await this.#ports.helper.close?.()
  }

  #isForRing({ op, length }: IoRequest): boolean {
    if (op === 'read' || op === 'write') return true
    return op === 'discard' && length > 0 && length <= this.#takes.discardBytesMax
  }

  #isOnePiece({ data, length }: IoRequest): boolean {
    return data === null || length <= this.#takes.transferBytesMax
  }

  /** By the limits in force when it goes, not when it came: the kernel would say EAGAIN to a larger one for ever. */
  #cut({ fd, request, done }: Waiting): readonly Waiting[] {
    const pieces = piecesOf(request, this.#takes.transferBytesMax)
    const dones = joinPieces(pieces, done)
    return pieces.map((piece, index) => ({ fd, request: piece, done: dones[index] ?? done }))
  }

  /** Whether one more may be put into the ring now. */
  #hasRoom(): boolean {
    return !this.#full && this.#free > this.#spare && this.#ring.unsubmitted < this.#ring.submissions
  }

  #place(fd: number, request: IoRequest, done: IoDone): void {
    this.#free -= 1
    const tag = this.#freeTags[this.#free] ?? 0
    this.#requests[tag] = request
    this.#dones[tag] = done
    this.#fds[tag] = fd
    this.#submitter.prepare(fd, request, tag)
  }

  /** One system call for all that is submitted in this tick. */
  #pumpSoon(): void {
    if (this.#pumpDue) return
    this.#pumpDue = true
    this.#company.due += 1
    queueMicrotask(this.#pumpDueNow)
  }

  readonly #pumpDueNow = (): void => {
    this.#pumpDue = false
    this.#company.due -= 1
    if (!this.#closed) this.#pump()
  }

  #pump(): void {
    this.#fill()
    const inFlight = this.inFlightMax - this.#free
    const atOnce = this.#batches < BATCHES_A_TURN
    const mayWait = atOnce && inFlight > 0 && this.#company.mayWait
    if (this.#ring.unsubmitted > 0) this.#handOver(mayWait && this.#isAlone() ? inFlight : 0)
    if (atOnce) {
      // With few each takes longer.
      this.#batches += inFlight <= FEW_IN_FLIGHT ? 2 : 1
      if (this.look() === 0 && mayWait) this.#waitForAny(inFlight)
      if (this.#closed || this.#free === this.inFlightMax) return
    }
    this.#attention.watch()
    this.#attend()
  }

  /** Nothing has completed here: perhaps elsewhere, else whatever comes next here. */
  #waitForAny(inFlight: number): void {
    if (!this.#isAlone() && this.#company.lookForOthers(this) > 0) return
    this.#quickWait.forSome(inFlight)
    this.look()
    if (!this.#isAlone()) this.#company.lookForOthers(this)
  }

  /** Puts into the ring what waited and has a place now. */
  #fill(): void {
    while (!this.#full && this.#free > this.#spare) {
      if (this.#ring.unsubmitted >= this.#ring.submissions && !this.#handOver()) break
      const next = this.#waiting.shift()
      if (next === undefined) break
      // Its memory may have been taken away while it waited: then what lies there is somebody else's.
      if (!isWellFormed(next.request)) completeSoon(next.done, failed('EFAULT'))
      else if (!this.#isForRing(next.request)) this.#ports.helper.submit(next.fd, next.request, next.done)
      else if (this.#isOnePiece(next.request)) this.#place(next.fd, next.request, next.done)
      else this.#waiting.putBack(this.#cut(next))
    }
  }

  /** False when the kernel took nothing: it is tried again a little later. With `inFlight` it may wait for some of them. */
  #handOver(inFlight = 0): boolean {
    const errno = inFlight > 0 ? this.#quickWait.submit(inFlight) : this.#ring.submit()
    // It may have taken a part: nobody else would hand over the rest.
    if (errno === null && this.#ring.unsubmitted > 0) this.#retrySoon()
    if (errno === null) return true
    // A lack that passes: of memory, of room for completions. Any other error says that the ring itself is wrong.
    invariant(['EINTR', 'EAGAIN', 'EBUSY', 'ENOMEM'].includes(errno), `a ring takes submissions (${errno})`)
    this.#retrySoon()
    return false
  }

  #retrySoon(): void {
    const { clock } = this.#ports
    this.#retry ??= clock.setTimer(clock.monoUs() + QUEUE_FULL_RETRY_MS * 1000, () => {
      this.#retry = null
      this.#full = false
      this.#pump()
    })
  }

  /** The event loop had its turn. */
  #turn(): Seen {
    this.#batches = 0
    this.#quickWait.turn()
    this.#attend()
    if (this.look() > 0) return 'completions'
    const inFlight = this.inFlightMax - this.#free
    if (inFlight === 0) return 'idle'
    const { mayWait, latest } = this.#company
    if (!mayWait || (latest !== this && !this.#isAlone())) return 'nothing'
    this.#quickWait.forSome(inFlight)
    return this.look() > 0 ? 'completions' : 'nothing'
  }

  /** No other ring of this event loop waits for anything that may come soon. */
  #isAlone(): boolean {
    return this.#company.awake === (this.#attends ? 1 : 0)
  }

  /** Joins the others while something is in flight and looked for, and leaves them when not. */
  readonly #attend = (): void => {
    const attends = !this.#closed && this.#free < this.inFlightMax && !this.#attention.asleep
    if (attends === this.#attends) return
    this.#attends = attends
    if (attends) this.#company.enter(this)
    else this.#company.leave(this)
  }

  isReady(): boolean {
    return this.#ring.isReady()
  }

  /** Takes what has completed off the ring, and tells it. Answers how many. */
  look(): number {
    if (this.#closed) return 0
    this.#count = 0
    const seen = this.#ring.reap(this.#take)
    if (seen === 0) return 0
    this.#company.latest = this
    this.#company.told += seen
    if (this.#free === this.inFlightMax) this.#attend()
    const { length: refused } = this.#refused
    if (refused > 0 || this.#full) this.#goOn(this.#count)
    if (this.#waiting.length > 0) this.#pumpSoon()
    // First everything off the ring, then the calls: one of them may close it.
    const found = this.#count
    for (let index = 0; index < found; index += 1) {
      const done = this.#finished[index] ?? NO_DONE
      const result = this.#results[index] ?? IO_DONE
      this.#finished[index] = NO_DONE
      done(result)
    }
    return seen
  }

  readonly #take = (tag: number, result: number): void => {
    const done = this.#dones[tag] ?? NO_DONE
    const request = this.#requests[tag] ?? NO_REQUEST
    invariant(done !== NO_DONE, 'a completion belongs to a submission')
    this.#dones[tag] = NO_DONE
    this.#requests[tag] = NO_REQUEST
    this.#freeTags[this.#free] = tag
    this.#free += 1
    if (result < 0 && this.#mustWait(errnoOfNumber(result))) {
      this.#refused.push({ fd: this.#fds[tag] ?? -1, request, done })
      return
    }
    this.#finished[this.#count] = done
    this.#results[this.#count] = this.#completionOf(request, result)
    this.#count += 1
  }

  /** Most are like the one before: then it is the same object. */
  #completionOf(request: IoRequest, result: number): IoCompletion {
    if (result < 0) return failed(errnoOfNumber(result))
    // A discard that succeeded did all of it, though the ring says 0.
    const bytes = request.op === 'discard' ? request.length : result
    if (this.#lastCompletion.bytes !== bytes) this.#lastCompletion = completed(bytes)
    return this.#lastCompletion
  }

  /** After refusals: a place is free again when one of ours has ended, else a little later. */
  #goOn(ended: number): void {
    const refused = this.#refused
    this.#refused = []
    if (this.#again === 'helper') {
      for (const { fd, request, done } of refused) this.#ports.helper.submit(fd, request, done)
      return
    }
    // Full it is for a moment; what is too large for it by now would be refused for ever.
    if (this.#ports.clock.monoUs() - this.#lookedUs >= LIMITS_LOOK_MS * 1000) this.lookAgain()
    this.#waiting.putBack(refused)
    this.#full = ended === 0 && refused.length > 0
    if (refused.length > 0) this.#retrySoon()
  }

  #mustWait(errno: string): boolean {
    return errno === 'EAGAIN' || (errno === 'EOPNOTSUPP' && this.#again === 'helper')
  }
}

function unavailable(errno: string): PathledgerError {
  return new PathledgerError('URING_UNAVAILABLE', {
    message: 'No io_uring could be opened.',
    why: `The kernel says ${errno}.`,
    todo: 'Use the backend that chooseBackend gives, or ask probeUring why.',
    errno,
  })
}
