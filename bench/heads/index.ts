// `npm run bench -- heads`: many heads in one process. What an I/O costs must not grow with their number, and an engine
// that was killed with all of them must be back soon.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryLun, memoryPath, Multipath, systemClock } from '../../index.ts'
import type { Head, PathDevice } from '../../index.ts'
import { median, rounded } from '../shared/stats.ts'

export interface HeadsSettings {
  readonly heads: number
  readonly paths: number
  readonly rounds: number
}

export interface HeadsReport {
  readonly heads: number
  readonly paths_each: number
  /** Nanoseconds of the processor for one I/O through a head of so many paths, with that head alone and with all. */
  readonly io_ns_with_one_head: number
  readonly io_ns_with_all_heads: number
  /** At most about 1: memory is larger, and caches are not. */
  readonly io_cost_ratio: number
  readonly add_path_us: number
  /** From the start of `Multipath.open` on the ledger of an engine that was killed with all of them. At most 5,000. */
  readonly recovery_ms: number
  /** Then all its paths added again. */
  readonly readd_ms: number
  readonly rss_mb: number
}

const IOS = 20_000
const DEPTH = 32
const BYTES = 1024 * 1024

/** Runs the benchmark. Needs no root: the paths are memory. */
export async function benchHeads(settings: HeadsSettings): Promise<HeadsReport> {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-heads-'))
  try {
    const { heads, paths } = settings
    const mp = await openAt(join(folder, 'mp.ledger'))
    const first = await addHead(mp, 0, paths)
    const alone: number[] = []
    const among: number[] = []
    await ioNs(first)
    for (let round = 0; round < settings.rounds; round += 1) alone.push(await ioNs(first))
    const start = performance.now()
    for (let index = 1; index < heads; index += 1) await addHead(mp, index, paths)
    const addMs = performance.now() - start
    for (let round = 0; round < settings.rounds; round += 1) among.push(await ioNs(first))
    const rssMb = process.memoryUsage.rss() / 1_000_000
    await mp.close()
    const killed = await recover(join(folder, 'killed.ledger'), heads, paths)
    return {
      heads,
      paths_each: paths,
      io_ns_with_one_head: Math.round(median(alone)),
      io_ns_with_all_heads: Math.round(median(among)),
      io_cost_ratio: rounded(median(among) / median(alone)),
      add_path_us: Math.round((addMs * 1000) / ((heads - 1) * paths)),
      ...killed,
      rss_mb: Math.round(rssMb),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function openAt(ledger: string): Promise<Multipath> {
  return Multipath.open({ ledger, multipath: 'always', iopolicy: 'round-robin' })
}

/** A head of memory paths that answer in the next microtask: what is measured is the head. */
async function addHead(mp: Multipath, index: number, paths: number): Promise<Head> {
  const wwid = `naa.6001405${String(index).padStart(9, '0')}`
  const lun = memoryLun({ wwid, sizeBytes: index === 0 ? BYTES : 4096 })
  const added: Promise<unknown>[] = []
  for (let path = 0; path < paths; path += 1) {
    const device = memoryPath(lun, { hctl: `${path}:0:0:${index}`, clock: systemClock })
    added.push(mp.addPath(index === 0 ? quick(device) : device))
  }
  await Promise.all(added)
  return mp.head(wwid)
}

function quick(inner: PathDevice): PathDevice {
  return {
    ...inner,
    submit: ({ length }, done) => queueMicrotask(() => done({ errno: null, status: null, bytes: length })),
  }
}

/** Nanoseconds of the processor for each of many reads, so many in flight. */
async function ioNs(head: Head): Promise<number> {
  // Of this thread alone: others write the ledger.
  const cpu = process.threadCpuUsage()
  let left = IOS
  await new Promise<void>((resolve) => {
    let open = DEPTH
    for (let slot = 0; slot < DEPTH; slot += 1) {
      const bio = {
        op: 'read' as const,
        offset: (slot % 256) * 4096,
        length: 4096,
        data: new Uint8Array(4096),
        done: () => {
          left -= 1
          if (left >= DEPTH) head.submit([bio])
          else if ((open -= 1) === 0) resolve()
        },
      }
      head.submit([bio])
    }
  })
  const { user, system } = process.threadCpuUsage(cpu)
  return ((user + system) * 1000) / IOS
}

/** Has a child open everything and kill itself, and comes back to what it left. */
async function recover(
  ledger: string,
  heads: number,
  paths: number,
): Promise<{ recovery_ms: number; readd_ms: number }> {
  const child = spawn(process.execPath, [import.meta.filename, ledger, String(heads), String(paths)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the child ended otherwise (${signal})`)
  const start = performance.now()
  const mp = await openAt(ledger)
  const recoveryMs = performance.now() - start
  const again = performance.now()
  for (let index = 0; index < heads; index += 1) await addHead(mp, index, paths)
  const readdMs = performance.now() - again
  await mp.close()
  return { recovery_ms: Math.round(recoveryMs), readd_ms: Math.round(readdMs) }
}

/** The child: everything there is, and then no time to close it. */
if (process.argv[1] === import.meta.filename) {
  const [, , ledger = '', heads = '0', paths = '0'] = process.argv
  const mp = await openAt(ledger)
  for (let index = 0; index < Number(heads); index += 1) await addHead(mp, index, Number(paths))
  process.kill(process.pid, 'SIGKILL')
}
