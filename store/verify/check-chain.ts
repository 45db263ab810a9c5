// The chain, row by row: positions without gaps, versions without gaps within each stream, and hashes that follow from
// each row and the one before it.
import { COLUMNS, genesis, hashValues, hex, sameBytes } from '../rows/encoding.ts'
import type { Hashed } from '../rows/encoding.ts'
import { CARRIED, carriedStreams } from '../state/fold.ts'
import { TEXT_AT } from '../rows/raw-rows.ts'
import type { RowSource, UntrustedRow } from '../rows/untrusted.ts'

/** Something that is not as it was written, and where. */
export interface Bad {
  readonly position: number
  readonly why: string
}

type Kind = 'integer' | 'text' | 'integer or null' | 'text or null' | 'hash'

const KINDS: readonly Kind[] = [
  ...(['integer', 'text', 'text', 'integer', 'text', 'integer', 'integer', 'integer', 'text'] as const),
  ...(['integer or null', 'text', 'text or null', 'text', 'text', 'hash'] as const),
]
const HASH_AT = COLUMNS.length - 1
const CAUSE_AT = COLUMNS.indexOf('cause')
const HEADER_TYPE = 'ledger.header'

/** Follows a chain from genesis. After the first bad row it only counts. */
export class ChainCheck {
  /** Rows seen. */
  events = 0
  /** The first row that is not as it was written. */
  bad: Bad | null = null
  /** Hash of the last good row. */
  hash: Uint8Array = genesis()
  readonly #source: RowSource
  readonly #versions = new Map<string, bigint>()

  constructor(source: RowSource) {
    this.#source = source
  }

  take(row: UntrustedRow): void {
    this.events += 1
    if (this.bad !== null) return
    const why = this.#misplaced(row) ?? misshapen(row) ?? this.#garbled(row) ?? this.#unchained(row)
    if (why !== null) this.bad = { position: badPosition(row, this.events), why }
  }

  /** Compares with the head, which is how a lost tail is seen. Call it after the last row. */
  end(): void {
    this.bad ??= this.#endsBadly()
  }

  /** Event ids that are there twice, which a chain of its own does not rule out. */
  noteRepeated(positions: readonly number[]): void {
    for (const position of positions) {
      if (this.bad !== null && this.bad.position <= position) continue
      this.bad = { position, why: 'Its event id is on the ledger already.' }
    }
  }

  /** Nothing behind the last row could be read. */
  giveUp(why: string): void {
    this.bad ??= { position: this.events + 1, why }
  }

  #misplaced(row: UntrustedRow): string | null {
    const position = row[0]
    if (position === BigInt(this.events)) return null
    if (typeof position !== 'bigint')
      return `A position that is no integer follows position ${this.events - 1}.`
    if (position < this.events)
      return `Position ${position} is there, where position ${this.events} should be next.`
    return `Position ${this.events} is missing: position ${position} comes next.`
  }

  /** A text that was not UTF-8 any more would read as one with replacement characters. Only then are bytes compared. */
  #garbled(row: UntrustedRow): string | null {
    if (!TEXT_AT.some((at) => typeof row[at] === 'string' && row[at].includes('\ufffd'))) return null
    const stored = this.#source.textBytes(row[0] as bigint)
    if (stored === null) return null
    for (const [index, at] of TEXT_AT.entries()) {
      const [text, bytes] = [row[at], stored[index]]
      if (typeof text !== 'string') continue
      if (!(bytes instanceof Uint8Array) || !sameBytes(bytes, Buffer.from(text))) {
        return `${String(COLUMNS[at])} is not UTF-8 any more.`
      }
    }
    return null
  }

  #unchained(row: UntrustedRow): string | null {
    const hash = hashValues(this.hash, row.slice(0, HASH_AT) as Hashed[])
    if (!sameBytes(hash, row[HASH_AT] as Uint8Array)) {
      return 'Its hash does not follow from its content and the hash before it: one of them was changed.'
    }
    const stream = row[2] as string
    const version = row[3] as bigint
    const before = this.#versions.get(stream) ?? 0n
    if (version !== before + 1n) return `The stream ${stream} goes from version ${before} to ${version}.`
    if (this.events === 1 && row[4] !== HEADER_TYPE) return `It is ${String(row[4])}, not the header.`
    const cause = row[CAUSE_AT] as bigint | null
    if (cause !== null && (cause < 1n || cause >= (row[0] as bigint))) {
      return `Its cause is position ${cause}, which does not lie before it.`
    }
    this.#versions.set(stream, version)
    this.hash = hash
    return row[4] === CARRIED ? this.#carried(row[12] as string) : null
  }

  /** Streams that began in the segment before go on from their version there. */
  #carried(data: string): string | null {
    try {
      for (const [stream, { version }] of carriedStreams(data)) {
        if (!this.#versions.has(stream)) this.#versions.set(stream, BigInt(version))
      }
      return null
    } catch {
      return 'The states that it carries cannot be read.'
    }
  }

  #endsBadly(): Bad | null {
    const { events } = this
    const head = this.#source.head()
    if (head === null || typeof head[0] !== 'bigint' || !isHash(head[1])) {
      return {
        position: Math.max(1, events),
        why: 'The head is missing or unreadable: nothing says that this is the end.',
      }
    }
    if (head[2] > 1)
      return { position: Math.max(1, events), why: `There are ${head[2]} heads: which one is its end?` }
    const claimed = Number(head[0])
    if (claimed > events) {
      return {
        position: events + 1,
        why: `The head counts ${claimed} events; the last ${claimed - events} are gone.`,
      }
    }
    if (claimed < events) {
      return {
        position: Math.max(1, claimed + 1),
        why: `The head counts ${claimed} events, and this one is not among them.`,
      }
    }
    if (events === 0) return { position: 1, why: 'There is no header: every event is gone.' }
    if (sameBytes(head[1], this.hash)) return null
    return { position: events, why: `The head says ${hex(head[1])}, the last event has ${hex(this.hash)}.` }
  }
}

/** The lower one of where a row is and where it should be: an intruder is bad itself, a gap is bad where it begins. */
function badPosition(row: UntrustedRow, expected: number): number {
  const position = row[0]
  return typeof position === 'bigint' && position < expected ? Number(position) : expected
}

function misshapen(row: UntrustedRow): string | null {
  for (const [at, kind] of KINDS.entries()) {
    if (!isOfKind(row[at], kind)) return `${String(COLUMNS[at])} is not of its type, ${kind}.`
  }
  return null
}

function isOfKind(value: unknown, kind: Kind): boolean {
  if (value === null) return kind === 'integer or null' || kind === 'text or null'
  if (typeof value === 'bigint') return kind === 'integer' || kind === 'integer or null'
  if (typeof value === 'string') return kind === 'text' || kind === 'text or null'
  return kind === 'hash' && isHash(value)
}

function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32
}
