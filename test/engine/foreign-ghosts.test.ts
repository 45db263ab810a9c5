// Two engines of one LUN: what one holds for the other's ghosts goes on when they end, though nobody tells it.
import { expect, test } from 'vitest'
import { expectExplained } from '../explained.ts'
import { SharedLuns } from './lun-storage.ts'
import { BLOCK, bytesOf, Rig, type RigPath } from './rig.ts'

const OLD = bytesOf(1)
const NEW = bytesOf(2)

interface Scene {
  readonly luns: SharedLuns
  readonly theirs: Rig
  /** The path of theirs that hangs, with a write of OLD in it. */
  readonly hung: RigPath
  readonly ours: Rig
}

/** Their write is stuck on one path, and went through on another one; ours is held for the ghost that it left. */
async function scene({ isKilled = false } = {}): Promise<Scene> {
  const luns = new SharedLuns()
  const settings = { luns, attemptTimeoutMs: 100, ghostHoldMaxMs: 60_000 }
  const theirs = await Rig.open({ ...settings, checked: !isKilled })
  const hung = await theirs.add('8:0:0:0')
  await theirs.add('9:0:0:0')
  hung.hang.enable()
  await theirs.write(0, OLD)
  expect(theirs.mp.ghosts).toMatchObject([{ path: '8:0:0:0', reason: 'timeout', foreign: false }])
  const more = { lun: theirs.lun, beside: true, firstId: 1_000_000 }
  return { luns, theirs, hung, ours: await oursOf(settings, more) }
}

async function oursOf(settings: object, more: object): Promise<Rig> {
  const rig = await Rig.open({ ...settings, ...more })
  await rig.add('20:0:0:0')
  return rig
}

/** Why their path failed is on their ledger. */
function expectHangExplained({ memory, lun }: Rig): void {
  const hung = { kind: 'pathError', status: 'TIMEOUT', op: 'write', offset: 0, path: '8:0:0:0' } as const
  const failed = memory.rows().find(({ type }) => type === 'path.failed')
  expectExplained(memory, { stream: `path/${lun.wwid}/8:0:0:0` }, hung, failed?.position)
}

test('scenario 19: a write held for a ghost of another engine goes on when that has ended', async () => {
  const { theirs, hung, ours } = await scene()
  const newer = ours.head.write({ offset: 0, data: NEW })
  await ours.pass(1_000)
  expect(ours.head.held).toEqual({ bios: 1, bytes: BLOCK })
  expect(ours.mp.ghosts).toMatchObject([{ path: '8:0:0:0', foreign: true }])
  hung.hang.disable()
  await theirs.pass(1_000)
  expect(theirs.mp.ghosts).toEqual([])
  // Nothing else is written here that would look.
  await ours.drive(newer)
  expect([...(await ours.read(0))]).toEqual([...NEW])
  expect(ours.head.held.bios).toBe(0)
  expectHangExplained(theirs)
  expect(ours.mp.ghosts).toEqual([])
})

test('scenario 19: a list of ghosts has none that another engine has ended', async () => {
  const { theirs, hung, ours } = await scene()
  expect(ours.mp.ghosts).toMatchObject([{ foreign: true }])
  hung.hang.disable()
  await theirs.pass(1_000)
  expect(ours.mp.ghosts).toEqual([])
  expectHangExplained(theirs)
})

test('scenario 19: the other engine dies: what it left is held until the kernel has let go of its devices', async () => {
  const { luns, theirs, ours } = await scene({ isKilled: true })
  const newer = ours.head.write({ offset: 0, data: NEW })
  luns.isLetGo = false
  await ours.pass(5_000)
  luns.kill()
  await ours.pass(5_000)
  expect(ours.head.held.bios).toBe(1)
  luns.isLetGo = true
  await ours.drive(newer)
  expect([...(await ours.read(0))]).toEqual([...NEW])
  expect(ours.mp.ghosts).toEqual([])
  const proofs = ours.events('lun.ghostsEnded').map(({ proof }) => proof)
  expect(new Set(proofs)).toEqual(new Set(['claim']))
  expectHangExplained(theirs)
})
