// SIGKILL at random under load, a path hung each second time. How often: PATHLEDGER_KILLS, by default 10.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { loopPath } from '../../../adapters/paths/loops.ts'
import { seededRandom } from '../../../adapters/seeded-random.ts'
import { foldAll, redecide } from '../../../store/state/fold.ts'
import { openLedgerReader } from '../../../store/read/reader.ts'
import { EngineChild } from './engine-child.ts'
import { BLOCK, HangRig, until, WWID } from './rig.ts'

const BLOCKS = 256
const KILLS = Number(process.env['PATHLEDGER_KILLS'] ?? 10)
/** A kill takes so long at most, with all that is looked at after it. */
const KILL_MS = 30_000
const OPTIONS = {
  iopolicy: 'round-robin',
  noPathRetry: 'queue',
  probeTimeoutMs: 1000,
  ghostHoldMaxMs: 300_000,
}

interface Shadow {
  /** The newest acknowledged generation of each block. */
  readonly acknowledged: Map<number, number>
  /** All that a block may hold: that one, and what was started after it. */
  readonly legal: Map<number, Set<number>>
  last: number
  writes: number
}

/** What the log of the load says. A line that the kill cut off was not finished: it counts for nothing. */
function shadowOf(log: string): Shadow {
  const shadow: Shadow = { acknowledged: new Map(), legal: new Map(), last: 0, writes: 0 }
  const lines = readFileSync(log, 'latin1').split('\n').slice(0, -1)
  for (const line of lines) {
    const [what, block = 0, generation = 0] = line
      .split(' ')
      .map((word, at) => (at === 0 ? word : Number(word)))
    const at = Number(block)
    const mine = Number(generation)
    const legal = shadow.legal.get(at) ?? new Set([0])
    shadow.legal.set(at, legal)
    if (what === 'S') legal.add(mine)
    if (what === 'A') {
      shadow.acknowledged.set(at, mine)
      shadow.legal.set(at, new Set([mine]))
      shadow.writes += 1
    }
    shadow.last = Math.max(shadow.last, mine)
  }
  return shadow
}

/** The generation that a block of the medium holds; -1 where it is torn. */
function generationAt(rig: HangRig, block: number): number {
  const bytes = rig.medium(block * BLOCK)
  const first = bytes.readUInt32LE(0)
  for (let at = 4; at < BLOCK; at += 4) if (bytes.readUInt32LE(at) !== first) return -1
  return first
}

/** Blocks that hold what they must not: an acknowledged write is missing, overtaken or torn. */
function wrong(rig: HangRig, { legal }: Shadow): string[] {
  return [...legal].flatMap(([block, generations]) => {
    const there = generationAt(rig, block)
    return generations.has(there) ? [] : [`block ${block} holds ${there}, not ${[...generations].join('|')}`]
  })
}

/** The ledger verifies, and what a start recovers from it equals what its inputs decide. */
function checkLedger(rig: HangRig): void {
  rig.verify()
  const reader = openLedgerReader(rig.ledger)
  try {
    expect(foldAll(reader)).toEqual(redecide(reader))
  } finally {
    reader.close()
  }
}

/** Waits until the kernel has given back everything a dead engine sent down a path. */
async function claimable(rig: HangRig, child: EngineChild, name: string): Promise<void> {
  const lun = { wwid: WWID, implicitAlua: true }
  await until(`the kernel holds nothing of ${name}`, async () => {
    try {
      const path = await loopPath(child.device(name), { lun, hctl: rig.hctl(name) })
      await path.close()
      return true
    } catch {
      return false
    }
  })
}

/** What is on the medium after a kill is where the next load begins: an unacknowledged write has landed, or has not. */
function settle(rig: HangRig, log: string, shadow: Shadow): void {
  for (const block of shadow.legal.keys()) {
    appendFileSync(log, `A ${block} ${generationAt(rig, block)}\n`)
  }
}

interface Killing {
  readonly rig: HangRig
  readonly log: string
  readonly random: () => number
}

/** Runs a load, kills the engine at a random moment, and looks at everything that is left. */
async function killOnce({ rig, log, random }: Killing, hung: boolean): Promise<number> {
  const before = shadowOf(log)
  const child = await EngineChild.start(rig, { options: OPTIONS })
  // What an earlier kill left was looked at and is over.
  await child.ask('release')
  await child.ask('load', { log, seed: random(), blocks: BLOCKS, generation: before.last })
  await until('the load runs', () => shadowOf(log).writes > before.writes + 50)
  if (hung) rig.a.hang()
  await sleep(random() % 800)
  await child.kill()
  const shadow = shadowOf(log)
  expect(wrong(rig, shadow), 'after the kill').toEqual([])
  if (hung) await writeWhileHung(rig, log)
  rig.a.resume()
  await claimable(rig, child, 'A')
  await claimable(rig, child, 'B')
  const after = shadowOf(log)
  expect(wrong(rig, after), 'after the late writes').toEqual([])
  settle(rig, log, after)
  await child.detach()
  checkLedger(rig)
  return shadow.writes - before.writes
}

/** The next engine, with a load on the path that is left. */
async function startWhileHung(rig: HangRig, log: string, guardsOff: boolean) {
  const next = await EngineChild.start(rig, { with: ['B'], options: OPTIONS, guardsOff })
  const { last, writes } = shadowOf(log)
  await next.ask('load', { log, seed: 1, blocks: BLOCKS, generation: last })
  return { next, writes }
}

/** The next engine comes while A still hangs: its writes wait, so nothing old can land on them. */
async function writeWhileHung(rig: HangRig, log: string): Promise<void> {
  const { next, writes } = await startWhileHung(rig, log, false)
  await until('its writes are held', async () => {
    const { value } = await next.ask('show')
    return (value as { held: { bios: number } }[])[0]?.held.bios === 16
  })
  expect(shadowOf(log).writes).toBe(writes)
  await next.kill()
  await next.detach()
}

describe('SIGKILL under load', () => {
  test(
    `scenario 24: ${KILLS} times, a path hung each second time: no acknowledged write is missing or overtaken`,
    async () => {
      const rig = await HangRig.make({ logged: false })
      const log = join(rig.folder, 'load.log')
      writeFileSync(log, '')
      const random = seededRandom(24)
      let writes = 0
      for (let kill = 1; kill <= KILLS; kill += 1) {
        writes += await killOnce({ rig, log, random: () => random.nextUint32() }, kill % 2 === 0)
      }
      // The loads were killed in the middle of their work, not before it.
      expect(writes).toBeGreaterThan(KILLS * 50)
      const last = await EngineChild.start(rig)
      expect(await last.ask('ghosts')).toMatchObject({ ok: true })
      await last.ask('release')
      rig.explains('A', 'path.lost', { kind: 'engine' })
      expect(await last.ask('write', { offset: 0, mark: 1 })).toMatchObject({ ok: true })
      expect(await last.ask('close')).toMatchObject({ ok: true })
      checkLedger(rig)
    },
    60_000 + KILLS * KILL_MS,
  )

  test(
    'scenario 24: without the guard writes of the dead engine land on those of the next one',
    { retry: 3 },
    async () => {
      const rig = await HangRig.make({ logged: false })
      const log = join(rig.folder, 'load.log')
      writeFileSync(log, '')
      const child = await EngineChild.start(rig, { options: OPTIONS, guardsOff: true })
      await child.ask('load', { log, seed: 1, blocks: BLOCKS })
      await until('the load runs', () => shadowOf(log).writes > 50)
      rig.a.hang()
      await rig.a.holds(BLOCK)
      await child.kill()
      const { next, writes } = await startWhileHung(rig, log, true)
      await until('the next engine wrote everywhere', () => shadowOf(log).writes > writes + 4 * BLOCKS)
      await next.kill()
      rig.a.resume()
      await claimable(rig, child, 'A')
      expect(wrong(rig, shadowOf(log))).not.toEqual([])
    },
  )
})
