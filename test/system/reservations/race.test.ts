// Two engines in two processes, on loop devices over one image: one writes, the other preempts it. Whatever the moment, no
// write of the preempted engine is on the medium after GOOD. RESERVATION_ROUNDS=10000 is the long run.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachLoop } from '../../../adapters/paths/loops.ts'
import { seededRandom } from '../../../adapters/seeded-random.ts'
import { verifyLedger } from '../../../store/verify/verify.ts'
import { expectExplainedIn } from '../../explained.ts'
import { EngineProcess, type Answer } from './engine-process.ts'

const WWID = 'naa.60014050000000000000000000005e5e'
const MIB = 1024 * 1024
const ROUNDS = Number(process.env['RESERVATION_ROUNDS'] ?? '60')
/** Far above what the rounds take: a bound for a hang, not a measure. */
const ROUND_LIMIT_MS = 120_000 + ROUNDS * 2_000
const KEYS = ['0xa1', '0xb2'] as const

let folder: string
let undo: (() => Promise<void> | void)[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-race-'))
  undo = []
  writeFileSync(image(), '')
  truncateSync(image(), MIB)
})
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  rmSync(folder, { recursive: true })
})

const image = () => join(folder, 'lun.img')

/** The mark in the first block of the image, by the page cache that every path goes through. */
function markOnMedium(): number {
  const fd = openSync(image(), 'r')
  const bytes = Buffer.alloc(4)
  readSync(fd, bytes, 0, 4, 0)
  closeSync(fd)
  return bytes.readUInt32LE(0)
}

/** An engine with devices of its own over the image. */
async function start(name: string, hosts: readonly number[], waitMs: number): Promise<EngineProcess> {
  const devices = []
  for (const host of hosts) {
    const attached = await attachLoop({ image: image(), wwid: WWID })
    undo.push(() => attached.release())
    devices.push({ device: attached.device, hctl: `${host}:0:0:0` })
  }
  const ledger = join(folder, `${name}-${hosts.join('-')}.ledger`)
  const place = { ledger, lunFolder: join(folder, 'luns'), wwid: WWID }
  const engine = await EngineProcess.start({ name, ...place, devices, waitMs })
  undo.push(() => engine.kill())
  return engine
}

test(
  'scenario 25: a seeded race: no write of the preempted engine lands after GOOD',
  async () => {
    const engines = [await start('one', [8, 9], 10_000), await start('two', [20, 21], 10_000)] as const
    const random = seededRandom('reservation race')
    let refused = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const [victim, winner] = round % 2 === 0 ? engines : ([engines[1], engines[0]] as const)
      const [victimKey, winnerKey] = round % 2 === 0 ? KEYS : ([KEYS[1], KEYS[0]] as const)
      await victim.good({ do: 'register', key: victimKey })
      await winner.good({ do: 'register', key: winnerKey })
      await victim.good({ do: 'reserve', key: victimKey })
      await victim.good({ do: 'write', mark: 1_000_000 + round })
      await new Promise((resolve) => setTimeout(resolve, random.nextUint32() % 8))
      await winner.good({ do: 'preempt', key: winnerKey, victim: victimKey })
      // GOOD: from now on the block is the winner's alone.
      await winner.good({ do: 'write', mark: 2_000_000 + round })
      await new Promise((resolve) => setTimeout(resolve, 1 + (random.nextUint32() % 4)))
      const won = await winner.good({ do: 'stop' })
      expect(won.value?.ended, `round ${round}`).toBeNull()
      expect(won.value?.acknowledged, `round ${round}`).toBeGreaterThan(0)
      const lost = await victim.good({ do: 'stop' })
      if (lost.value?.ended === 'EBADE') refused += 1
      expect(markOnMedium(), `round ${round}`).toBe(2_000_000 + round)
      const reports = await Promise.all(engines.map((engine) => engine.good({ do: 'report' })))
      expect(pick(reports[0]!), `round ${round}`).toEqual(pick(reports[1]!))
      await winner.good({ do: 'clear', key: winnerKey })
    }
    // The victims were writing when they were preempted, and were told so.
    expect(refused).toBe(ROUNDS)
    for (const engine of engines) await engine.good({ do: 'close' })
    for (const ledger of ['one-8-9', 'two-20-21']) {
      const file = join(folder, `${ledger}.ledger`)
      expect(verifyLedger(file)).toMatchObject({ chain: 'ok', replay: 'equal' })
      const root = { kind: 'reservation', path: null } as const
      const { chain } = expectExplainedIn(file, { stream: `head/${WWID}` }, root, 'reservation.conflict')
      expect(chain[1]?.type).toBe('reservation.adopted')
    }
  },
  ROUND_LIMIT_MS,
)

function pick({ value }: Answer): unknown {
  const { keys, reservation } = value as unknown as { keys: unknown; reservation: unknown }
  return { keys, reservation }
}

test('scenario 25: a path of the victim hangs with a write: BUSY until it has ended, and then GOOD', async () => {
  const victim = await start('one', [8, 9], 300)
  const winner = await start('two', [20], 300)
  await victim.good({ do: 'register', key: '0xa1' })
  await winner.good({ do: 'register', key: '0xb2' })
  await victim.good({ do: 'reserve', key: '0xa1' })
  await victim.good({ do: 'hang' })
  await victim.good({ do: 'write', mark: 111 })
  await new Promise((resolve) => setTimeout(resolve, 50))
  const order = { do: 'preempt', key: '0xb2', victim: '0xa1' }
  const busy = await winner.ask(order)
  expect(busy).toMatchObject({ ok: false, code: 'RESERVATION_BUSY' })
  expect(busy.why).toContain('engine one has not acknowledged it')
  await victim.good({ do: 'heal' })
  // The same again only waits for the proof.
  await winner.good(order)
  await winner.good({ do: 'write', mark: 222 })
  expect((await victim.good({ do: 'stop' })).value?.ended).toBe('EBADE')
  expect((await winner.good({ do: 'stop' })).value?.ended).toBeNull()
  expect(markOnMedium()).toBe(222)
})

test('scenario 25: the victim is killed while it writes: GOOD once the kernel has let go of its devices', async () => {
  const victim = await start('one', [8, 9], 10_000)
  const winner = await start('two', [20], 10_000)
  await victim.good({ do: 'register', key: '0xa1' })
  await winner.good({ do: 'register', key: '0xb2' })
  await victim.good({ do: 'reserve', key: '0xa1' })
  await victim.good({ do: 'write', mark: 111 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await victim.kill()
  await winner.good({ do: 'preempt', key: '0xb2', victim: '0xa1' })
  await winner.good({ do: 'write', mark: 222 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect((await winner.good({ do: 'stop' })).value).toMatchObject({ ended: null })
  expect(markOnMedium()).toBe(222)
  // APTPL: the victim comes back under its name, and not with its key.
  const again = await start('one', [10], 10_000)
  const report = (await again.good({ do: 'report' })).value as unknown as { keys: { keys: string[] } }
  expect(report.keys.keys).toEqual(['0x00000000000000b2'])
  await again.good({ do: 'write', mark: 333 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect((await again.good({ do: 'stop' })).value?.ended).toBe('EBADE')
  expect(markOnMedium()).toBe(222)
})
