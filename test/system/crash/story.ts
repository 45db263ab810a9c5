// A run of the story in a child, and what must hold after it however it ended.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { foldAll, redecide } from '../../../store/state/fold.ts'
import { openLedgerReader } from '../../../store/read/reader.ts'
import { verifyLedger } from '../../../store/verify/verify.ts'

export interface StorySettings {
  readonly ledger: string
  /** Folder of what the engines of the LUN share. */
  readonly luns: string
  readonly image: string
  readonly wwid: string
  readonly log: string
  /** The point to die at; null for none. */
  readonly dieAt: string | null
  readonly blockBytes: number
}

const BLOCK = 4096
const BLOCKS = 16
/** A story takes a second or two; on a machine that others use, longer. */
const STORY_MS = 60_000

export class Story {
  readonly folder = mkdtempSync(join(tmpdir(), 'pathledger-crash-'))
  #generation = 0

  constructor() {
    writeFileSync(this.#image, '')
    truncateSync(this.#image, BLOCKS * BLOCK)
    writeFileSync(this.#log, '')
  }

  get ledger(): string {
    return join(this.folder, 'crash.ledger')
  }

  get #image(): string {
    return join(this.folder, 'lun.img')
  }

  get #log(): string {
    return join(this.folder, 'load.log')
  }

  /** Runs it until it dies or ends; the points that it came to. */
  run(dieAt: string | null, mayMiss = false): string[] {
    const settings: StorySettings = {
      ledger: this.ledger,
      luns: join(this.folder, 'luns'),
      image: this.#image,
      wwid: 'naa.600140500000dead',
      log: this.#log,
      dieAt,
      blockBytes: BLOCK,
    }
    const entry = join(import.meta.dirname, 'children', 'story.ts')
    const argv = [entry, JSON.stringify(settings), String(this.#generation)]
    const { signal, status, stdout, stderr } = spawnSync(process.execPath, argv, {
      encoding: 'utf8',
      timeout: STORY_MS,
    })
    const end =
      dieAt === null || (mayMiss && signal === null)
        ? { signal: null, status: 0 }
        : { signal: 'SIGKILL', status: null }
    expect({ signal, status, stderr }).toEqual({ ...end, stderr: '' })
    this.#generation += 20
    return stdout.trimEnd().split('\n')
  }

  /** Every acknowledged write is there and nothing older or torn, and the ledger is whole. */
  check(): void {
    const legal = new Map<number, Set<number>>()
    for (const line of readFileSync(this.#log, 'utf8').split('\n').slice(0, -1)) {
      const [what = '', block = 0, generation = 0] = line
        .split(' ')
        .map((word, at) => (at === 0 ? word : Number(word)))
      const mine = Number(generation)
      const before = what === 'A' ? [] : [...(legal.get(Number(block)) ?? [0])]
      legal.set(Number(block), new Set([...before, mine]))
    }
    const bytes = Buffer.alloc(BLOCKS * BLOCK)
    const fd = openSync(this.#image, 'r')
    readSync(fd, bytes)
    closeSync(fd)
    const wrong = [...legal].flatMap(([block, marks]) => {
      const there = new Set(bytes.subarray(block * BLOCK, (block + 1) * BLOCK))
      const [mark = -1] = there
      return there.size === 1 && marks.has(mark) ? [] : [{ block, there: [...there], legal: [...marks] }]
    })
    expect(wrong).toEqual([])
    const reader = openLedgerReader(this.ledger)
    try {
      expect(verifyLedger(reader)).toMatchObject({ chain: 'ok', replay: 'equal' })
      expect(foldAll(reader)).toEqual(redecide(reader))
    } finally {
      reader.close()
    }
  }
}
