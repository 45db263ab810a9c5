// One io_uring: its two rings and its submissions as typed arrays over memory that the kernel shares.
// Heads and tails are read and written with Atomics, which orders them against the entries they stand for.
import {
  COMPLETION,
  COMPLETION_BYTES,
  ENTER_GET_EVENTS,
  FEATURE,
  MAP_OFFSET,
  PARAMS,
  RING_FLAG,
  SETUP,
  SUBMISSION,
  SUBMISSION_BYTES,
} from './abi.ts'
import { closeFd, mapRing, ringEnter, ringSetup } from './system-calls.ts'
import type { Answer, Mapping } from './system-calls.ts'

const SUBMISSION_WORDS = SUBMISSION_BYTES / 4
const COMPLETION_WORDS = COMPLETION_BYTES / 4
const UINT32_RANGE = 0x1_0000_0000

/** What the kernel is asked to do; members that an operation has no use for are 0. */
export interface Submission {
  readonly opcode: number
  readonly flags: number
  readonly fd: number
  /** Bytes from the start, or for a command its number. */
  readonly offset: number
  readonly address: number
  readonly length: number
  readonly operationFlags: number
  /** The third address word: for a discard its length. */
  readonly extra: number
  /** Comes back with the completion. */
  readonly tag: number
}

export interface RingSizes {
  readonly submissions: number
  readonly completions: number
}

/** Modern kernels first: each of these flags spares interrupts; none of them is needed. */
const SETUPS = [
  SETUP.submitAll | SETUP.cooperative | SETUP.taskRunFlag | SETUP.singleIssuer,
  SETUP.submitAll,
  0,
] as const

/** Makes a ring, or says the name of the error that the kernel gave. Closed on exec. */
export function openRing(sizes: RingSizes): Ring | { readonly errno: string } {
  let errno = 'EINVAL'
  for (const flags of SETUPS) {
    const params = new DataView(new ArrayBuffer(PARAMS.bytes))
    params.setUint32(PARAMS.flags, flags | SETUP.clamp | SETUP.completionEntries, true)
    params.setUint32(PARAMS.completionEntries, sizes.completions, true)
    const made = ringSetup(sizes.submissions, new Uint8Array(params.buffer))
    if (made.errno === null) return mapped(made.value, params)
    errno = made.errno
    if (errno !== 'EINVAL') break
  }
  return { errno }
}

function mapped(fd: number, params: DataView): Ring | { readonly errno: string } {
  const needed = FEATURE.singleMapping | FEATURE.noDrop
  const features = params.getUint32(PARAMS.features, true)
  const submissions = params.getUint32(PARAMS.submissionEntries, true)
  const completions = params.getUint32(PARAMS.completionEntries, true)
  const array = params.getUint32(PARAMS.submissionOffsets + SUBMISSION.array, true)
  const entries = params.getUint32(PARAMS.completionOffsets + COMPLETION.entries, true)
  const bytes = Math.max(array + submissions * 4, entries + completions * COMPLETION_BYTES)
  const rings = (features & needed) === needed ? mapRing(fd, bytes, MAP_OFFSET.rings) : null
  const slots = rings === null ? null : mapRing(fd, submissions * SUBMISSION_BYTES, MAP_OFFSET.entries)
  if (rings !== null && slots !== null) return new Ring(fd, params, rings, slots)
  rings?.unmap()
  closeFd(fd)
  return { errno: rings === null ? 'EOPNOTSUPP' : 'ENOMEM' }
}

/** An open ring. Used from the thread that made it only. */
export class Ring {
  readonly fd: number
  readonly submissions: number
  readonly #mappings: readonly Mapping[]
  readonly #words: Uint32Array
  readonly #results: Int32Array
  readonly #slots: Uint32Array
  readonly #completionMask: number
  /** Indices into `#words`. */
  readonly #at: {
    readonly submissionHead: number
    readonly submissionTail: number
    readonly flags: number
    readonly completionHead: number
    readonly completionTail: number
  }
  #tail = 0

  constructor(fd: number, params: DataView, rings: Mapping, slots: Mapping) {
    const submission = (member: number): number =>
      params.getUint32(PARAMS.submissionOffsets + member, true) / 4
    const completion = (member: number): number => params.getUint32(PARAMS.completionOffsets + member, true)
    const completions = params.getUint32(PARAMS.completionEntries, true)
    this.fd = fd
    this.submissions = params.getUint32(PARAMS.submissionEntries, true)
    this.#mappings = [rings, slots]
    this.#words = new Uint32Array(rings.memory)
    this.#slots = new Uint32Array(slots.memory)
    this.#results = new Int32Array(
      rings.memory,
      completion(COMPLETION.entries),
      completions * COMPLETION_WORDS,
    )
    this.#completionMask = completions - 1
    this.#at = {
      submissionHead: submission(SUBMISSION.head),
      submissionTail: submission(SUBMISSION.tail),
      flags: submission(SUBMISSION.flags),
      completionHead: completion(COMPLETION.head) / 4,
      completionTail: completion(COMPLETION.tail) / 4,
    }
    // The kernel looks up each submission through this array; ours are always in their own order.
    const array = submission(SUBMISSION.array)
    for (let index = 0; index < this.submissions; index += 1) this.#words[array + index] = index
  }

  /** Submissions prepared and not yet taken by the kernel. */
  get unsubmitted(): number {
    return (this.#tail - Atomics.load(this.#words, this.#at.submissionHead)) >>> 0
  }

  /** Puts one submission behind the others. False when the ring is full: submit first. */
  prepare(what: Submission): boolean {
    if (this.unsubmitted >= this.submissions) return false
    const words = this.#slots
    const at = (this.#tail & (this.submissions - 1)) * SUBMISSION_WORDS
    words[at] = what.opcode | (what.flags << 8)
    words[at + 1] = what.fd
    words[at + 2] = what.offset
    words[at + 3] = Math.floor(what.offset / UINT32_RANGE)
    words[at + 4] = what.address
    words[at + 5] = Math.floor(what.address / UINT32_RANGE)
    words[at + 6] = what.length
    words[at + 7] = what.operationFlags
    words[at + 8] = what.tag
    words[at + 9] = 0
    words[at + 10] = 0
    words[at + 11] = 0
    words[at + 12] = what.extra
    words[at + 13] = Math.floor(what.extra / UINT32_RANGE)
    words[at + 14] = 0
    words[at + 15] = 0
    this.#tail = (this.#tail + 1) >>> 0
    return true
  }

  /** Hands everything prepared to the kernel, which may take fewer, or none and say why. Does not wait. */
  submit(): Answer {
    Atomics.store(this.#words, this.#at.submissionTail, this.#tail)
    return ringEnter(this.fd, this.unsubmitted, ENTER_GET_EVENTS)
  }

  /** Calls `visit` with tag and result of each completion, oldest first. Answers how many there were. */
  reap(visit: (tag: number, result: number) => void): number {
    const pending = RING_FLAG.taskRun | RING_FLAG.overflow
    if ((Atomics.load(this.#words, this.#at.flags) & pending) !== 0) ringEnter(this.fd, 0, ENTER_GET_EVENTS)
    let head = Atomics.load(this.#words, this.#at.completionHead)
    const tail = Atomics.load(this.#words, this.#at.completionTail)
    const found = (tail - head) >>> 0
    while (head !== tail) {
      const at = (head & this.#completionMask) * COMPLETION_WORDS
      const tag = this.#results[at] ?? 0
      const result = this.#results[at + 2] ?? 0
      head = (head + 1) >>> 0
      // Given back before the visit, which may throw: no completion is ever seen twice.
      Atomics.store(this.#words, this.#at.completionHead, head)
      visit(tag, result)
    }
    return found
  }

  /** Gives the ring up. What is in flight ends in the kernel, whenever it does; the ring must not be touched again. */
  close(): void {
    closeFd(this.fd)
    for (const mapping of this.#mappings) mapping.unmap()
  }
}
