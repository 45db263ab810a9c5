// One io_uring: its two rings and its submissions as typed arrays over memory that the kernel shares.
// Heads and tails are read and written with Atomics, which orders them against the entries they stand for.
import { addressOf } from '../memory-address.ts'
import {
  COMPLETION,
  COMPLETION_BYTES,
  ENTER,
  FEATURE,
  MAP_OFFSET,
  PARAMS,
  REGISTER,
  RING_FLAG,
  SETUP,
  SUBMISSION,
  SUBMISSION_BYTES,
} from './abi.ts'
import { closeFd, lastErrno, mapRing, ringEnter, ringRegister, ringSetup, ringWait } from './system-calls.ts'
import type { Mapping } from './system-calls.ts'

const SUBMISSION_WORDS = SUBMISSION_BYTES / 4
const COMPLETION_WORDS = COMPLETION_BYTES / 4
const UINT32_RANGE = 0x1_0000_0000

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
  /** Whether {@link Ring.wait} can be bounded; else it must not be used. */
  readonly waits: boolean
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
  /** Where the kernel's head was after the last call: it takes submissions in those only. */
  #taken = 0
  #hasFile = false
  readonly #waiting = new WaitArgument()

  constructor(fd: number, params: DataView, rings: Mapping, slots: Mapping) {
    const submission = (member: number): number =>
      params.getUint32(PARAMS.submissionOffsets + member, true) / 4
    const completion = (member: number): number => params.getUint32(PARAMS.completionOffsets + member, true)
    const completions = params.getUint32(PARAMS.completionEntries, true)
    this.fd = fd
    this.submissions = params.getUint32(PARAMS.submissionEntries, true)
    this.waits = (params.getUint32(PARAMS.features, true) & FEATURE.waitArgument) !== 0
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
    return (this.#tail - this.#taken) >>> 0
  }

  /** Makes `fd` descriptor 0 of the ring, for FIXED_FILE. False where the kernel does not. */
  registerFile(fd: number): boolean {
    this.#hasFile = ringRegister(this.fd, REGISTER.files, new Int32Array([fd]), 1).errno === null
    return this.#hasFile
  }

  /** Makes `bytes` of memory at `address` buffer 0 of the ring. False where the kernel does not. */
  registerMemory(address: number, bytes: number): boolean {
    const vector = new BigUint64Array([BigInt(address), BigInt(bytes)])
    return ringRegister(this.fd, REGISTER.buffers, vector, 1).errno === null
  }

  /**
   * Puts one submission behind the others: the words that io_uring has for every operation, 0 where one has no use for it.
   * `tag` comes back with the completion. False when the ring is full: submit first.
   */
  prepare(
    opcode: number,
    flags: number,
    fd: number,
    offset: number,
    address: number,
    length: number,
    operationFlags: number,
    extra: number,
    tag: number,
  ): boolean {
    if (this.unsubmitted >= this.submissions) return false
    const words = this.#slots
    const at = (this.#tail & (this.submissions - 1)) * SUBMISSION_WORDS
    words[at] = opcode | (flags << 8)
    words[at + 1] = fd
    words[at + 2] = offset
    words[at + 3] = Math.floor(offset / UINT32_RANGE)
    words[at + 4] = address
    words[at + 5] = Math.floor(address / UINT32_RANGE)
    words[at + 6] = length
    words[at + 7] = operationFlags
    words[at + 8] = tag
    words[at + 9] = 0
    words[at + 10] = 0
    words[at + 11] = 0
    words[at + 12] = extra
    words[at + 13] = Math.floor(extra / UINT32_RANGE)
    words[at + 14] = 0
    words[at + 15] = 0
    this.#tail = (this.#tail + 1) >>> 0
    return true
  }

  /**
   * Hands everything prepared to the kernel, which may take fewer, or none and say why: the name of the error, or null. With
   * `waitUs` it then waits for `least` completions, so long at most.
   */
  submit(waitUs = 0, least = 1): string | null {
    Atomics.store(this.#words, this.#at.submissionTail, this.#tail)
    const waits = waitUs > 0 && this.waits
    const taken = waits
      ? ringWait(this.fd, this.unsubmitted, least, this.#waiting.for(waitUs))
      : ringEnter(this.fd, this.unsubmitted, ENTER.getEvents)
    this.#taken = Atomics.load(this.#words, this.#at.submissionHead)
    return taken < 0 ? lastErrno() : null
  }

  /** Something has completed, or would be posted if the kernel were asked. */
  isReady(): boolean {
    const words = this.#words
    const at = this.#at
    if (Atomics.load(words, at.completionTail) !== Atomics.load(words, at.completionHead)) return true
    return (Atomics.load(words, at.flags) & (RING_FLAG.taskRun | RING_FLAG.overflow)) !== 0
  }

  /** Lets the kernel wait for `least` completions, so many microseconds at most. */
  wait(us: number, least: number): void {
    if (this.waits) ringWait(this.fd, 0, least, this.#waiting.for(us))
  }

  /** Calls `visit` with tag and result of each completion, oldest first. Answers how many there were. */
  reap(visit: (tag: number, result: number) => void): number {
    const words = this.#words
    const at = this.#at
    const pending = RING_FLAG.taskRun | RING_FLAG.overflow
    if ((Atomics.load(words, at.flags) & pending) !== 0) ringEnter(this.fd, 0, ENTER.getEvents)
    let head = Atomics.load(words, at.completionHead)
    const tail = Atomics.load(words, at.completionTail)
    const found = (tail - head) >>> 0
    const results = this.#results
    const mask = this.#completionMask
    try {
      while (head !== tail) {
        const entry = (head & mask) * COMPLETION_WORDS
        head = (head + 1) >>> 0
        visit(results[entry] ?? 0, results[entry + 2] ?? 0)
      }
    } finally {
      // Also where a visit throws: no completion is ever seen twice.
      if (found > 0) Atomics.store(words, at.completionHead, head)
    }
    return found
  }

  /** Gives the ring up. What is in flight ends in the kernel, whenever it does; the ring must not be touched again. */
  close(): void {
    // At once, not whenever the kernel gets round to it: whoever closes the device may want to claim it again.
    if (this.#hasFile) ringRegister(this.fd, REGISTER.unregisterFiles, null, 0)
    closeFd(this.fd)
    for (const mapping of this.#mappings) mapping.unmap()
  }
}

/** A `struct io_uring_getevents_arg` that points to the timespec behind it: both stay where they are. */
class WaitArgument {
  readonly #words = new Uint32Array(12)

  constructor() {
    const timespec = addressOf(this.#words.buffer) + 32
    this.#words[4] = timespec
    this.#words[5] = Math.floor(timespec / UINT32_RANGE)
  }

  /** The argument for a wait of so many microseconds, less than a second. */
  for(us: number): Uint32Array {
    this.#words[10] = us * 1000
    return this.#words
  }
}
