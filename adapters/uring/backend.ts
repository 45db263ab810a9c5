// I/O through one io_uring per path. A hung I/O holds a slot of its path's ring, and nothing else: no thread, no other
// path, no exit of the process.
import { invariant, PathledgerError } from '../../errors.ts'
import { completeSoon, completed, failed } from '../completions.ts'
import { errnoOfNumber } from '../errno.ts'
import type { Clock, IoBackend, IoCompletion, IoDone, IoRequest, TimerHandle, Turns } from '../ports.ts'
import { Attention } from './attention.ts'
import type { Seen } from './attention.ts'
import { Fifo } from './fifo.ts'
import { joinPieces, piecesOf } from './pieces.ts'
import { openRing } from './ring.ts'
import type { Ring } from './ring.ts'
import { isWellFormed, submissionOf } from './submission.ts'
import { openWake } from './wake.ts'
import type { Wake } from './wake.ts'

/** After "queue full" and without a completion, until the next try. */
export const QUEUE_FULL_RETRY_MS = 1

/** Submissions handed over in one call at most. */
const SUBMISSIONS = 256

/** What the backend is handed. */
export interface UringPorts {
  readonly clock: Clock
  readonly turns: Turns
  /** Does what the ring is not for: flush, writeZeroes, discards that it cannot do at once, and what would have to wait. */
  readonly helper: IoBackend
}

/** What the path's device takes. */
export interface UringLimits {
  /** I/Os of this path in flight at most; the others wait here, in order. */
  readonly inFlightMax: number
  /** Bytes of the largest read or write that the device takes as one; larger ones go in pieces. */
  readonly transferBytesMax: number
  /** Bytes of the largest discard done on the ring; 0 sends them all to the helper. */
  readonly discardBytesMax: number
  /**
   * What EAGAIN means. On a block device the queue is full, and it will pass. On a plain file it may also be a block to
   * allocate or a dirty page, and then it never does: the I/O goes to the helper.
   */
  readonly again: 'queueFull' | 'helper'
}

interface Waiting {
  readonly fd: number
  readonly request: IoRequest
  readonly done: IoDone
}

/** The backend of one path, with its own ring. */
export interface UringBackend extends IoBackend {
  readonly inFlightMax: number
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

class PathRing implements UringBackend {
  readonly name = 'io_uring'
  readonly isolatesExit = true
  readonly inFlightMax: number
  readonly #ports: UringPorts
  readonly #limits: UringLimits
  readonly #ring: Ring
  readonly #wake: Wake
  readonly #attention: Attention
  readonly #waiting = new Fifo<Waiting>()
  /** By tag: what the kernel has. It keeps the memory alive, too. */
  readonly #inFlight: (Waiting | null)[]
  readonly #freeTags: number[]
  #full = false
  #pumpDue = false
  #closed = false
  #retry: TimerHandle | null = null

  constructor(ports: UringPorts, limits: UringLimits, ring: Ring) {
    const wake = openWake(ring, () => this.#attention.wakeUp())
    if ('errno' in wake) {
      ring.close()
      throw unavailable(wake.errno)
    }
    this.#ports = ports
    this.#limits = limits
    this.#ring = ring
    this.#wake = wake
    this.#attention = new Attention({ ...ports, wake, look: () => this.#look() })
    this.inFlightMax = limits.inFlightMax
    this.#inFlight = Array.from({ length: limits.inFlightMax }, () => null)
    this.#freeTags = Array.from({ length: limits.inFlightMax }, (_, tag) => tag)
  }

  submit(fd: number, request: IoRequest, done: IoDone): void {
    if (this.#closed) return completeSoon(done, failed('EBADF'))
    if (!isWellFormed(request)) return completeSoon(done, failed('EINVAL'))
    if (!this.#isForRing(request)) return this.#ports.helper.submit(fd, request, done)
    const pieces = piecesOf(request, this.#limits.transferBytesMax)
    const dones = pieces.length === 1 ? [done] : joinPieces(pieces, done)
    pieces.forEach((piece, index) => {
      this.#waiting.push({ fd, request: piece, done: dones[index] ?? done })
    })
    this.#pumpSoon()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#attention.close()
    this.#retry?.cancel()
    this.#wake.close()
    this.#ring.close()
    // What the kernel has may still happen; what it never saw cannot.
    for (const waiting of this.#inFlight) waiting?.done({ ...failed('ECANCELED'), abandoned: true })
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.done(failed('ECANCELED'))
    }
    await this.#ports.helper.close?.()
  }

  #isForRing({ op, length }: IoRequest): boolean {
    if (op === 'discard') return length > 0 && length <= this.#limits.discardBytesMax
    return op === 'read' || op === 'write'
  }

  /** One system call for all that is submitted in this tick. */
  #pumpSoon(): void {
    if (this.#pumpDue) return
    this.#pumpDue = true
    queueMicrotask(() => {
      this.#pumpDue = false
      if (!this.#closed) this.#pump()
    })
  }

  #pump(): void {
    while (!this.#full && this.#freeTags.length > 0) {
      if (this.#ring.unsubmitted >= this.#ring.submissions && !this.#handOver()) break
      const next = this.#waiting.shift()
      if (next === undefined) break
      const tag = this.#freeTags.pop()
      invariant(tag !== undefined, 'a tag is free')
      this.#inFlight[tag] = next
      this.#ring.prepare(submissionOf(next.fd, next.request, tag))
    }
    if (this.#ring.unsubmitted > 0) this.#handOver()
    if (this.#freeTags.length < this.inFlightMax) this.#attention.watch()
  }

  /** False when the kernel took nothing: it is tried again a little later. */
  #handOver(): boolean {
    const { errno } = this.#ring.submit()
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

  #look(): Seen {
    const finished: [IoDone, IoCompletion][] = []
    const refused: Waiting[] = []
    // First everything off the ring, then the calls: one of them may close it.
    const found = this.#ring.reap((tag, result) => {
      const waiting = this.#inFlight[tag]
      invariant(waiting !== null && waiting !== undefined, 'a completion belongs to a submission')
      this.#inFlight[tag] = null
      this.#freeTags.push(tag)
      if (result >= 0) finished.push([waiting.done, completed(bytesMoved(waiting.request, result))])
      else if (this.#mustWait(errnoOfNumber(result))) refused.push(waiting)
      else finished.push([waiting.done, failed(errnoOfNumber(result))])
    })
    if (found > 0) this.#goOn(refused, finished.length)
    for (const [done, completion] of finished) done(completion)
    if (found > 0) return 'completions'
    return this.#freeTags.length === this.inFlightMax ? 'idle' : 'nothing'
  }

  /** After completions: a place is free again when one of ours has ended, else a little later. */
  #goOn(refused: readonly Waiting[], ended: number): void {
    if (this.#limits.again === 'helper') {
      for (const { fd, request, done } of refused) this.#ports.helper.submit(fd, request, done)
    } else {
      this.#waiting.putBack(refused)
      this.#full = ended === 0 && refused.length > 0
      if (refused.length > 0) this.#retrySoon()
    }
    if (this.#waiting.length > 0) this.#pumpSoon()
  }

  #mustWait(errno: string): boolean {
    return errno === 'EAGAIN' || (errno === 'EOPNOTSUPP' && this.#limits.again === 'helper')
  }
}

/** A discard that succeeded did all of it, though the ring says 0. */
function bytesMoved(request: IoRequest, result: number): number {
  return request.op === 'discard' ? request.length : result
}

function unavailable(errno: string): PathledgerError {
  return new PathledgerError('URING_UNAVAILABLE', {
    message: 'No io_uring could be opened.',
    why: `The kernel says ${errno}.`,
    todo: 'Use the backend that chooseBackend gives, or ask probeUring why.',
    errno,
  })
}
