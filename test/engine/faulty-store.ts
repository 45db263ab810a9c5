// A ledger store whose disk can fail, hang, or lose its answers.
import type { ErrorCode } from '../../errors/codes.ts'
import { PathledgerError } from '../../errors.ts'
import type { MemoryStore } from '../../store/write/memory-store.ts'
import type {
  Append,
  Appended,
  LedgerHead,
  LedgerListener,
  LedgerStore,
  ReadQuery,
  StoredEvent,
} from '../../store/types.ts'

/** ok; fails: nothing is written; forgets: written, and the answer is an error; hangs: until it is let go. */
export type StoreMode = 'ok' | 'fails' | 'forgets' | 'hangs'

export class FaultyStore implements LedgerStore {
  mode: StoreMode = 'ok'
  /** Hangs on an append that has an event of this type. */
  holds: string | null = null
  /** What it fails with. */
  code: ErrorCode = 'LEDGER_IO'
  /** Where set, what it fails with is this: no error of ours. */
  thrown: Error | null = null
  /** Events of each append that was tried, in order. */
  readonly tried: Append[] = []
  readonly #inner: MemoryStore
  #hung: (() => void)[] = []

  constructor(inner: MemoryStore) {
    this.#inner = inner
  }

  async append(append: Append): Promise<Appended> {
    this.tried.push(append)
    const held = append.events.some(({ type }) => type === this.holds)
    if (this.mode === 'hangs' || held) await new Promise<void>((resolve) => void this.#hung.push(resolve))
    if (this.mode === 'ok') return this.#inner.append(append)
    if (this.mode === 'forgets') await this.#inner.append(append)
    if (this.thrown !== null) throw this.thrown
    throw new PathledgerError(this.code, {
      message: 'The disk of the ledger says no.',
      why: 'A test threw the switch.',
      todo: 'Throw it back.',
    })
  }

  /** From now on all is well, for what hangs too. */
  heal(): void {
    this.mode = 'ok'
    this.holds = null
    const hung = this.#hung
    this.#hung = []
    for (const resume of hung) resume()
  }

  read(query: ReadQuery): readonly StoredEvent[] {
    return this.#inner.read(query)
  }

  head(): LedgerHead {
    return this.#inner.head()
  }

  subscribe(listener: LedgerListener): () => void {
    return this.#inner.subscribe(listener)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
