// What tracing costs: the same 4 KiB reads over two memory paths with a ledger file, untraced and traced, in one run. Prints
// one JSON document: I/Os a second for each mode, its share of the untraced figure, and microseconds and bytes an I/O.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryLun, memoryPath, Multipath, systemClock, type Tracing } from '../index.ts'

const IOS = 60_000
const DEPTH = 32
const BLOCK = 4096
const MODES: readonly (readonly [name: string, tracing: Partial<Tracing>])[] = [
  ['off', { mode: 'off' }],
  ['sampled_1_in_100', { mode: 'sampled', every: 100 }],
  ['bounded_1000_per_s', { mode: 'bounded', perSecond: 1000 }],
  ['full', { mode: 'full' }],
]

const folder = mkdtempSync(join(tmpdir(), 'pathledger-trace-'))
const result: Record<string, unknown> = {}
let untracedPerS = 0
for (const [name, tracing] of MODES) {
  const figures = await measure(name, tracing)
  if (name === 'off') untracedPerS = figures.perS
  const { perS, traced, bytes } = figures
  result[name] = {
    ios_per_s: Math.round(perS),
    of_untraced: Number((perS / untracedPerS).toFixed(3)),
    us_per_traced_io:
      traced === 0 ? 0 : Number((((1 / perS - 1 / untracedPerS) * 1e6 * IOS) / traced).toFixed(1)),
    traced,
    bytes_per_traced_io: traced === 0 ? 0 : Math.round(bytes / traced),
  }
}
rmSync(folder, { recursive: true })
console.log(JSON.stringify(result))

async function measure(name: string, tracing: Partial<Tracing>) {
  const ledger = join(folder, `${name}.ledger`)
  const lun = memoryLun({ wwid: 'naa.1', sizeBytes: 16 * 1024 * 1024 })
  const mp = await Multipath.open({ ledger, multipath: 'always', iopolicy: 'round-robin', sampleMs: 60_000 })
  for (const hctl of ['8:0:0:0', '9:0:0:0']) await mp.addPath(memoryPath(lun, { hctl, clock: systemClock }))
  const head = mp.head(lun.wwid)
  head.setTracing(tracing)
  let traced = 0
  mp.subscribe(({ event }) => void (traced += event.type === 'head.ioTraced' ? 1 : 0))
  await read(2_000)
  traced = 0
  const began = performance.now()
  await read(IOS)
  const perS = (IOS * 1000) / (performance.now() - began)
  await mp.close()
  return { perS, traced, bytes: statSync(ledger).size }

  async function read(count: number): Promise<void> {
    let left = count
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await head.read({ offset: (left % 4096) * BLOCK, length: BLOCK })
      }
    }
    await Promise.all(Array.from({ length: DEPTH }, worker))
  }
}
