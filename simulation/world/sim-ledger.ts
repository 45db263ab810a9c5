// The ledger of a simulated host: rows that outlive its engines, on a disk that may be busy, full, failing or hung, or lose
// its answers. An engine that dies leaves what it was about to write written, or not.
import type { ErrorCode } from '../../errors/codes.ts'
import type { Random } from '../../adapters/ports.ts'
import type { VirtualClock } from '../../adapters/virtual-clock.ts'
import { PathledgerError } from '../../errors.ts'
import { memoryStore, type MemoryStore, type MemoryStoreOptions } from '../../store/write/memory-store.ts'
import type { Append, Appended, LedgerStore, StoredEvent } from '../../store/types.ts'
import { never, type Life } from './life.ts'

/** ok; answers with an error and writes nothing; writes, and answers with an error; answers nothing until it is well. */
export type LedgerMode = 'ok' | 'busy' | 'full' | 'fails' | 'forgets' | 'hangs'

export const LEDGER_FAULTS = [
  'busy',
  'full',
  'fails',
  'forgets',
  'hangs',
] as const satisfies readonly LedgerMode[]

const CODES: Readonly<Record<'busy' | 'full' | 'fails' | 'forgets', ErrorCode>> = {
  busy: 'LEDGER_BUSY',
  full: 'LEDGER_FULL',
  fails: 'LEDGER_IO',
  forgets: 'LEDGER_IO',
}

export class SimLedger {
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #header: MemoryStoreOptions['header']
  #store: MemoryStore
  mode: LedgerMode = 'ok'
  /** When it was last anything but well; -1: never. */
  lastFaultUs = -1
  #hung: (() => void)[] = []

  constructor(clock: VirtualClock, random: Random, header: MemoryStoreOptions['header']) {
    this.#clock = clock
    this.#random = random
    this.#header = header
    this.#store = memoryStore({ header })
  }

  /** What is on it, and outlives everything. */
  get store(): MemoryStore {
    return this.#store
  }

  rows(): readonly StoredEvent[] {
    return this.#store.rows()
  }

  break(mode: LedgerMode): void {
    this.mode = mode
    this.lastFaultUs = this.#clock.monoUs()
  }

  heal(): void {
    if (this.mode === 'ok') return
    this.mode = 'ok'
    this.lastFaultUs = this.#clock.monoUs()
    const hung = this.#hung
    this.#hung = []
    for (const resume of hung) resume()
  }

  /** The ledger as an engine opens it anew: nothing of the last one's is under way. */
  open(life: Life): LedgerStore {
    this.#store = memoryStore({ header: this.#header, rows: this.#store.rows() })
    this.#hung = []
    const store = this.#store
    return {
      append: (append) => this.#append(life, store, append),
      read: (query) => store.read(query),
      head: () => store.head(),
      subscribe: (listener) =>
        store.subscribe((events) => {
          if (life.alive) listener(events)
        }),
      // It is looked at afterwards.
      close: async () => undefined,
    }
  }

  #append(life: Life, store: MemoryStore, append: Append): Promise<Appended> {
    if (!life.step('append')) return never()
    return new Promise((resolve, reject) => {
      const commit = { over: false }
      life.onDeath(() => {
        // It had been handed over; whether it was written nobody knows.
        if (!commit.over && this.#random.nextUint32() % 2 === 0) store.append(append).catch(ignore)
        commit.over = true
      })
      const run = () => {
        if (commit.over) return
        if (this.mode === 'hangs') return void this.#hung.push(run)
        commit.over = true
        this.#commit(store, append).then(
          (answer) => {
            if (life.step('committed')) resolve(answer)
          },
          (error: unknown) => {
            if (life.alive) reject(error instanceof Error ? error : new Error(String(error)))
          },
        )
      }
      this.#clock.setTimer(this.#clock.monoUs() + 50 + (this.#random.nextUint32() % 400), run)
    })
  }

  async #commit(store: MemoryStore, append: Append): Promise<Appended> {
    const { mode } = this
    if (mode === 'ok' || mode === 'hangs') return store.append(append)
    if (mode === 'forgets') await store.append(append)
    throw new PathledgerError(CODES[mode], {
      message: 'The disk of the ledger does not take it.',
      why: `It is ${mode}.`,
      todo: 'Wait until it is well again.',
    })
  }
}

function ignore(): void {
  // Whoever wanted to know is dead.
}
