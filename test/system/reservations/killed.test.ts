// The engine that reserves is killed in the middle of it, at any moment: what it asked for was done in whole or not at all,
// and its next run, by its lasting name alone (APTPL), finds its registration and its reservation, and may use them.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachLoop } from '../../../adapters/paths/loops.ts'
import { seededRandom } from '../../../adapters/seeded-random.ts'
import { verifyLedger } from '../../../store/verify/verify.ts'
import { expectExplainedIn } from '../../explained.ts'
import { EngineProcess, type Answer, type Order } from './engine-process.ts'

const WWID = 'naa.60014050000000000000000000005e5f'
const [A, B] = ['0x00000000000000a1', '0x00000000000000b2'] as const

interface Report {
  readonly keys: { readonly generation: number; readonly keys: readonly string[] }
  readonly reservation: { readonly type: string; readonly key: string } | null
}

let folder: string
let undo: (() => Promise<void> | void)[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-killed-'))
  undo = []
  writeFileSync(join(folder, 'lun.img'), '')
  truncateSync(join(folder, 'lun.img'), 1024 * 1024)
})
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  rmSync(folder, { recursive: true })
})

/** What starts an engine on devices of its own, again and again. */
async function starter(name: string, hosts: readonly number[]): Promise<() => Promise<EngineProcess>> {
  const devices: { device: string; hctl: string }[] = []
  for (const host of hosts) {
    const attached = await attachLoop({ image: join(folder, 'lun.img'), wwid: WWID })
    undo.push(() => attached.release())
    devices.push({ device: attached.device, hctl: `${host}:0:0:0` })
  }
  const place = { ledger: join(folder, `${name}.ledger`), lunFolder: join(folder, 'luns'), wwid: WWID }
  return async () => {
    const engine = await EngineProcess.start({ name: null, ...place, devices, waitMs: 10_000 })
    undo.push(() => engine.kill())
    return engine
  }
}

async function report(engine: EngineProcess): Promise<Report> {
  const { keys, reservation } = (await engine.good({ do: 'report' })).value as unknown as Report
  return { keys, reservation }
}

/** As soon as the other engine sees what came of an order, which is before that is answered. */
async function changed(other: EngineProcess, was: Report): Promise<void> {
  for (;;) if (!isDeepStrictEqual(await report(other), was)) return
}

/** How a write of an engine ends: null when nothing refused it. */
async function wrote(engine: EngineProcess, mark: number): Promise<string | null> {
  await engine.good({ do: 'write', mark })
  await new Promise((resolve) => setTimeout(resolve, 20))
  const { value }: Answer = await engine.good({ do: 'stop' })
  return value?.ended ?? null
}

/** What goes before each order, the order, and the two states that a kill in the middle of it may leave. */
const CASES: readonly {
  readonly before: readonly ['one' | 'two', Order][]
  readonly order: Order
  readonly may: readonly { keys: readonly string[]; key: string | null }[]
}[] = [
  {
    before: [],
    order: { do: 'register', key: A },
    may: [
      { keys: [], key: null },
      { keys: [A, A], key: null },
    ],
  },
  {
    before: [['one', { do: 'register', key: A }]],
    order: { do: 'reserve', key: A },
    may: [
      { keys: [A, A], key: null },
      { keys: [A, A], key: A },
    ],
  },
  {
    before: [
      ['one', { do: 'register', key: A }],
      ['two', { do: 'register', key: B }],
      ['two', { do: 'reserve', key: B }],
    ],
    order: { do: 'preempt', key: A, victim: B },
    may: [
      { keys: [A, A, B], key: B },
      { keys: [A, A], key: A },
    ],
  },
]

test('scenario 25: SIGKILL in the middle of register, reserve and preempt: in whole or not at all, and found again', async () => {
  const random = seededRandom('killed while it reserves')
  const startOne = await starter('one', [8, 9])
  const two = await (await starter('two', [20]))()
  let one = await startOne()
  for (let round = 0; round < CASES.length * 2; round += 1) {
    const { before, order, may } = CASES[round >> 1]!
    const isLate = round % 2 === 1
    for (const [who, step] of before) await (who === 'one' ? one : two).good(step)
    const was = await report(two)
    one.send(order)
    if (isLate) await changed(two, was)
    else await new Promise((resolve) => setTimeout(resolve, random.nextUint32() % 8))
    await one.kill()
    one = await startOne()
    const found = await report(one)
    expect(found, `round ${round}`).toEqual(await report(two))
    const { keys, reservation } = found
    const is = { keys: keys.keys, key: reservation === null ? null : reservation.key }
    expect(isLate ? may.slice(1) : may, `round ${round}`).toContainEqual(is)
    // What it has it may use, by its key alone, and the other engine is held off by it.
    if (is.key === A) {
      expect(await wrote(two, 1_000 + round)).toBe('EBADE')
      expect(await wrote(one, 2_000 + round)).toBeNull()
    }
    if (keys.keys.includes(A)) await one.good({ do: 'clear', key: A })
    expect(await report(two)).toMatchObject({ keys: { keys: [] }, reservation: null })
  }
  for (const engine of [one, two]) await engine.good({ do: 'close' })
  for (const name of ['one', 'two']) {
    expect(verifyLedger(join(folder, `${name}.ledger`))).toMatchObject({ chain: 'ok', replay: 'equal' })
  }
  // The one that was killed, and the one that was refused: each ledger tells its own side.
  const killed = { kind: 'engine', path: null } as const
  expectExplainedIn(join(folder, 'one.ledger'), { stream: `path/${WWID}/8:0:0:0` }, killed, 'path.lost')
  const refused = { kind: 'reservation', path: null } as const
  expectExplainedIn(join(folder, 'two.ledger'), { stream: `head/${WWID}` }, refused, 'reservation.conflict')
})
