// The load of the demo: many readers and writers at once, who know what every block must hold.
import { messageOf } from '../../errors.ts'
import type { Head } from '../../index.ts'
import { BLOCK_BYTES, checkBlock, fillBlock } from './blocks.ts'

/** I/Os at a time. */
const WORKERS = 24
/** Blocks of one I/O, at most. */
const RUN_MAX = 8
/** Time between two flushes, milliseconds. */
const FLUSH_MS = 250
/** Blocks that one read of the final check takes. */
const CHECK_RUN = 64
/** After an error a worker waits this long, milliseconds: an engine that is gone must not be asked in a circle. */
const AFTER_ERROR_MS = 50
/** Runs of blocks that a worker looks at before it gives up; nearly all of them are free while all is well. */
const CLAIM_TRIES = 1_000

/** An I/O is on the block: two writes at once would leave it open which one is the last. */
const CLAIMED = 1
/** A write of the block failed: either generation may be there, and it is not looked at again. */
const UNCERTAIN = 2

/** What the load has seen so far. */
export interface Tally {
  writes: number
  reads: number
  flushes: number
  writeBytes: number
  readBytes: number
  /** Blocks whose last acknowledged write is gone: an older one was found. */
  lost: number
  /** Blocks that hold anything else than they must. */
  mismatched: number
  /** I/Os that ended with an error here. */
  callerErrors: number
  /** The first of those, for the person who has to find out. */
  firstError: string | null
}

/** Readers and writers of one head, and the generation of every block. */
export class Load {
  readonly tally: Tally = {
    writes: 0,
    reads: 0,
    flushes: 0,
    writeBytes: 0,
    readBytes: 0,
    lost: 0,
    mismatched: 0,
    callerErrors: 0,
    firstError: null,
  }
  readonly blocks: number
  readonly #head: Head
  /** How often each block was written and acknowledged. */
  readonly #generations: Uint32Array
  /** CLAIMED, UNCERTAIN or 0, by block. */
  readonly #state: Uint8Array
  #running = false
  #abandoned = false
  #workers: Promise<void>[] = []

  constructor(head: Head) {
    this.#head = head
    this.blocks = Math.floor(head.sizeBytes / BLOCK_BYTES)
    this.#generations = new Uint32Array(this.blocks)
    this.#state = new Uint8Array(this.blocks)
  }

  start(): void {
    this.#running = true
    this.#workers = Array.from({ length: WORKERS }, () => this.#work())
    this.#workers.push(this.#flushNowAndThen())
  }

  /** Takes no more I/O and waits for what is out. */
  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#workers)
  }

  /** Does not wait, and hears no more of what goes wrong. */
  abandon(): void {
    this.#running = false
    this.#abandoned = true
  }

  /** Reads every block through the head. Rejects at a signal. */
  async checkAll(signal: AbortSignal): Promise<void> {
    const length = CHECK_RUN * BLOCK_BYTES
    for (let block = 0; block < this.blocks; block += CHECK_RUN) {
      signal.throwIfAborted()
      const offset = block * BLOCK_BYTES
      const bytes = await this.#head.read({ offset, length: Math.min(length, this.#sizeBytes - offset) })
      this.check(bytes, block)
    }
  }

  /** Compares blocks from `block` on with what was acknowledged. */
  check(bytes: Uint8Array, block: number): void {
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const index = block + at / BLOCK_BYTES
      if (this.#state[index] === UNCERTAIN) continue
      const found = checkBlock(bytes.subarray(at, at + BLOCK_BYTES), index, this.#generations[index] ?? 0)
      if (found === 'older') this.tally.lost += 1
      if (found === 'other') this.tally.mismatched += 1
    }
  }

  get #sizeBytes(): number {
    return this.blocks * BLOCK_BYTES
  }

  async #work(): Promise<void> {
    const data = new Uint8Array(RUN_MAX * BLOCK_BYTES)
    while (this.#running) {
      const run = this.#claim()
      if (run === null) return
      const { block, count } = run
      try {
        if (Math.random() < 0.5) await this.#write(block, data.subarray(0, count * BLOCK_BYTES))
        else await this.#read(block, count)
        this.#state.fill(0, block, block + count)
      } catch (error) {
        this.#state.fill(UNCERTAIN, block, block + count)
        this.#failed(error)
        await sleep(AFTER_ERROR_MS)
      }
    }
  }

  async #write(block: number, data: Uint8Array): Promise<void> {
    const count = data.length / BLOCK_BYTES
    for (let index = 0; index < count; index += 1) {
      const into = data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES)
      fillBlock(into, block + index, (this.#generations[block + index] ?? 0) + 1)
    }
    await this.#head.write({ offset: block * BLOCK_BYTES, data })
    for (let index = block; index < block + count; index += 1) {
      this.#generations[index] = (this.#generations[index] ?? 0) + 1
    }
    this.tally.writes += 1
    this.tally.writeBytes += data.length
  }

  async #read(block: number, count: number): Promise<void> {
    const bytes = await this.#head.read({ offset: block * BLOCK_BYTES, length: count * BLOCK_BYTES })
    this.check(bytes, block)
    this.tally.reads += 1
    this.tally.readBytes += bytes.length
  }

  async #flushNowAndThen(): Promise<void> {
    while (this.#running) {
      await sleep(FLUSH_MS)
      try {
        await this.#head.flush()
        this.tally.flushes += 1
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  #failed(error: unknown): void {
    if (this.#abandoned) return
    this.tally.callerErrors += 1
    this.tally.firstError ??= messageOf(error)
  }

  /** A run of blocks that nobody is on, or null when there is none to be found. */
  #claim(): { block: number; count: number } | null {
    for (let tried = 0; tried < CLAIM_TRIES; tried += 1) {
      const count = 1 + Math.floor(Math.random() * RUN_MAX)
      const block = Math.floor(Math.random() * (this.blocks - count + 1))
      if (this.#state.subarray(block, block + count).some((state) => state !== 0)) continue
      this.#state.fill(CLAIMED, block, block + count)
      return { block, count }
    }
    return null
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
