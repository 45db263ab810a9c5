// Runs the command in this process, and builds a small ledger with a failover on it through the public API.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '../../cli/main.ts'
import { OutputClosed } from '../../cli/io.ts'
import type { Io } from '../../cli/io.ts'
import { errorFilter, memoryLun, memoryPath, Multipath, systemClock } from '../../index.ts'
import type { LiveEvent } from '../../index.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The command as a program calls it: no terminal, no colours. */
export async function run(...argv: string[]): Promise<Ran> {
  return runWith({}, ...argv)
}

/** The same before a terminal, or with a reader that goes away after so many prints. */
export async function runWith(
  outside: {
    terminal?: boolean
    color?: boolean
    live?: boolean
    printsMax?: number
    keys?: readonly string[]
  },
  ...argv: string[]
): Promise<Ran> {
  const { terminal = false, color = false, live = false, printsMax = Infinity, keys } = outside
  let [stdout, stderr, prints] = ['', '', 0]
  const io: Io = {
    out: async (text) => {
      prints += 1
      if (prints > printsMax) throw new OutputClosed()
      stdout += text
    },
    err: (text) => void (stderr += text),
    terminal,
    color,
    live,
    columns: 120,
    ...(keys === undefined ? {} : { keys: () => typed(keys) }),
  }
  const code = await main(argv, io)
  return { code, stdout, stderr }
}

async function* typed(keys: readonly string[]): AsyncGenerator<string> {
  for (const key of keys) yield await Promise.resolve(key)
}

/** The one JSON document on stdout. */
export function documentIn({ stdout }: Ran) {
  return JSON.parse(stdout)
}

/** The one error object on stderr. */
export function errorIn({ stderr }: Ran) {
  return JSON.parse(stderr).error
}

/** A folder of the test's own. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pathledger-cli-'))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

export const WWID = 'naa.600140500000000000000000000000c1'

export interface Story {
  readonly file: string
  /** What a subscriber saw, by position. */
  readonly live: ReadonlyMap<number, LiveEvent>
}

/**
 * Two memory paths, one failover (sda:0, EIO on a write at 8192), its way back, an operator's word on sda:1, closed.
 */
export async function recordStory(file: string, wwid = WWID): Promise<Story> {
  const live = new Map<number, LiveEvent>()
  const lun = memoryLun({ wwid, sizeBytes: 1_048_576 })
  const mp = await Multipath.open({
    ledger: file,
    multipath: 'always',
    iopolicy: 'round-robin',
    checker: { minMs: 5, maxMs: 10 },
  })
  mp.subscribe((event) => void live.set(event.event.position, event))
  const [first, second] = ['8:0:0:0', '9:0:0:0'].map((hctl) =>
    errorFilter(memoryPath(lun, { hctl, clock: systemClock })),
  )
  const path = await mp.addPath(first!.path)
  const other = await mp.addPath(second!.path)
  const head = mp.head(wwid)
  first!.control.enable()
  for (let turn = 0; turn < 4; turn += 1)
    await head.write({ offset: 8192, data: new Uint8Array(4096).fill(turn) })
  first!.control.disable()
  while (!path.usable) await new Promise((resolve) => setTimeout(resolve, 2))
  other.fail({ actor: 'operator:0', reason: 'a cable' })
  await head.read({ offset: 8192, length: 4096 })
  other.reinstate({ actor: 'operator:0', reason: 'a new cable' })
  await mp.close()
  return { file, live }
}
