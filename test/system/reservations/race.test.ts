// Two engines in two processes, on loop devices over one image: one writes, the other preempts it. Whatever the moment, no
// write of the preempted engine is on the medium after GOOD. RESERVATION_ROUNDS=10000 is the long run.
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachLoop } from '../../../adapters/loop/index.ts'
import { seededRandom } from '../../../adapters/seeded-random.ts'
import { verifyLedger } from '../../../store/verify.ts'
import { expectExplainedIn } from '../../explained.ts'

const WWID = 'naa.60014050000000000000000000005e5e'
const MIB = 1024 * 1024
const ROUNDS = Number(process.env['RESERVATION_ROUNDS'] ?? '60')
/** Far above what the rounds take: a bound for a hang, not a measure. */
const ROUND_LIMIT_MS = 120_000 + ROUNDS * 2_000
const KEYS = ['0xa1', '0xb2'] as const

interface Answer {
  readonly ok: boolean
  readonly code?: string
  readonly why?: string
  readonly value?: { readonly acknowledged: number; readonly ended: string | null }
}

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

class EngineProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterableIterator<string>

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child
    this.#lines = lines[Symbol.asyncIterator]()
  }

  static async start(name: string, hosts: readonly number[], waitMs: number): Promise<EngineProcess> {
    const devices = []
    for (const host of hosts) {
      const attached = await attachLoop({ image: image(), wwid: WWID })
      undo.push(() => attached.release())
      devices.push({ device: attached.device, hctl: `${host}:0:0:0` })
    }
    const ledger = join(folder, `${name}-${hosts.join('-')}.ledger`)
    const settings = { name, ledger, lunFolder: join(folder, 'luns'), wwid: WWID, devices, waitMs }
    const script = join(import.meta.dirname, 'children', 'engine.ts')
    const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    undo.push(() => void child.kill('SIGKILL'))
    const engine = new EngineProcess(child, createInterface({ input: child.stdout }))
    expect(await engine.#answer()).toEqual({ ready: true })
    return engine
  }

  async ask(order: Readonly<Record<string, unknown>>): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`)
    return (await this.#answer()) as Answer
  }

  async good(order: Readonly<Record<string, unknown>>): Promise<Answer> {
    const answer = await this.ask(order)
    expect(answer, JSON.stringify(order)).toMatchObject({ ok: true })
    return answer
  }

  kill(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.kill('SIGKILL')
    })
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('the engine has ended')
    return JSON.parse(value)
  }
}

test(
  'scenario 25: a seeded race: no write of the preempted engine lands after GOOD',
  async () => {
    const engines = [
      await EngineProcess.start('one', [8, 9], 10_000),
      await EngineProcess.start('two', [20, 21], 10_000),
    ] as const
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
  const victim = await EngineProcess.start('one', [8, 9], 300)
  const winner = await EngineProcess.start('two', [20], 300)
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
  const victim = await EngineProcess.start('one', [8, 9], 10_000)
  const winner = await EngineProcess.start('two', [20], 10_000)
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
  const again = await EngineProcess.start('one', [10], 10_000)
  const report = (await again.good({ do: 'report' })).value as unknown as { keys: { keys: string[] } }
  expect(report.keys.keys).toEqual(['0x00000000000000b2'])
  await again.good({ do: 'write', mark: 333 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect((await again.good({ do: 'stop' })).value?.ended).toBe('EBADE')
  expect(markOnMedium()).toBe(222)
})
