// What people did, what became of engines and their ledgers, names that changed, and nothing at all.
import { PathledgerError } from '../../../errors.ts'
import type { LedgerStore } from '../../../store/types.ts'
import type { MemoryStore } from '../../../store/write/memory-store.ts'
import { evidenceOf, headOf, oneUnit, PATH_ERRORS, pathOf, type Asked, type Kind } from '../ask.ts'
import type { Path } from '../../../engine/api/path.ts'
import type { World, WorldPath } from '../world.ts'

const WORD = { actor: 'operator:1000', reason: 'CHG-4711' }
const NOT_BROKEN = [/cable, port/, /adapter first/, /bad block/, /brings it back by itself/]

function operator(name: string, act: (path: Path) => void, says: RegExp): Kind {
  return {
    name,
    run: async (world) => {
      await oneUnit(world)
      const path = world.one(...world.paths)
      const after = world.position
      act(world.live(path))
      await world.io(world.unit, 3)
      await world.pass(world.pick(20_000))
      const root = { kind: 'operator', ...WORD, path: path.hctl } as const
      const asked = { root, after, layer: 'operator', never: NOT_BROKEN, comesBack: false } as const
      return [
        { ...asked, target: pathOf(path), says: [says] },
        { ...asked, target: headOf(path) },
      ]
    },
  }
}

async function meetAll(world: World, paths: readonly WorldPath[]): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) {
    await world.io(world.unit, 1)
    if (paths.every(({ hctl }) => world.met.some((met) => met.hctl === hctl))) break
  }
}

export const OTHER_KINDS: readonly Kind[] = [
  operator('operator-pulls', (path) => path.fail(WORD), /path reinstate/),
  operator('operator-sets-offline', (path) => path.setOffline(WORD), /path online/),
  operator('operator-quiesces', (path) => path.quiesce(WORD), /path resume/),
  {
    name: 'operator-removes',
    run: async (world) => {
      await oneUnit(world)
      const path = world.one(...world.paths)
      const after = world.position
      await world.drive(world.live(path).remove(WORD))
      await world.pass(500)
      const root = { kind: 'operator', ...WORD, path: path.hctl } as const
      return [{ target: pathOf(path), root, after, layer: 'operator', never: NOT_BROKEN }]
    },
  },
  {
    name: 'head-removed-after-its-last-path',
    run: async (world) => {
      await oneUnit(world, { delayedRemovalMs: 5_000 }, 1)
      const path = world.path(0)
      const after = world.position
      await world.drive(world.live(path).remove(WORD))
      await world.pass(8_000)
      const root = { kind: 'operator', ...WORD, timer: 'removal' } as const
      return [{ target: headOf(path), root, after, layer: 'operator', never: NOT_BROKEN }]
    },
  },
  {
    name: 'outage-beside-a-pulled-path',
    run: async (world) => {
      await oneUnit(world, { iopolicy: 'round-robin' }, 3)
      const [one, other, pulled] = world.paths as [WorldPath, WorldPath, WorldPath]
      world.live(pulled).fail({ actor: 'operator:2', reason: 'spare' })
      await world.pass(60_000)
      const after = world.position
      const apart = world.pick(2) === 0
      world.met.length = 0
      world.fail([one], { errno: 'ENOLINK' })
      if (apart) {
        await meetAll(world, [one])
        await world.pass(10_000)
      }
      const first = apart ? world.position : after
      world.fail([other], { errno: 'ENOLINK' })
      await meetAll(world, [one, other])
      await world.pass(300)
      const root = { kind: 'pathError', errno: 'ENOLINK', status: 'TRANSPORT' } as const
      const never = [/This was wanted/, /First evidence: by operator/]
      return [{ target: headOf(one), root, after: first, layer: apart ? 'path' : 'host', never }]
    },
  },
  {
    name: 'pulled-and-failed',
    run: async (world) => {
      await oneUnit(world, { iopolicy: 'round-robin' })
      const path = world.path(0)
      const after = world.position
      world.met.length = 0
      world.fail([path], { errno: 'ENOLINK' })
      await meetAll(world, [path])
      await world.pass(200)
      world.live(path).fail(WORD)
      await world.pass(200)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[0])
      return [{ target: pathOf(path), root, after, layer: 'path', comesBack: false, says: [/was disabled/] }]
    },
  },
  {
    name: 'held-back',
    run: async (world) => {
      await oneUnit(world, { failback: 'manual', iopolicy: 'numa' }, 2)
      const path = world.path(0)
      // An older incident may have left the head on its other path.
      world.live(path).prefer({ reason: 'begin here' })
      world.head(world.unit).prefer(null, { reason: 'and go on' })
      await world.pass(1_000)
      const after = world.position
      world.met.length = 0
      world.fail([path], { errno: 'EIO' })
      await meetAll(world, [path])
      await world.pass(500)
      world.heal([path])
      await world.pass(30_000)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[1])
      return [{ target: pathOf(path), root, after, layer: 'path', says: [/path prefer/], comesBack: false }]
    },
  },
  {
    name: 'engine-closed',
    run: async (world) => {
      await oneUnit(world)
      const path = world.path(0)
      const after = world.position
      await world.close()
      const root = { kind: 'engine', reason: 'closed' } as const
      return [pathOf(path), headOf(path)].map((target) => ({
        target,
        root,
        after,
        layer: 'host',
        never: NOT_BROKEN,
      }))
    },
  },
  {
    name: 'engine-died',
    run: async (world) => {
      await oneUnit(world)
      const lost = world.one(...world.paths)
      const others = world.paths.filter((path) => path !== lost)
      world.crash({ reboot: world.pick(2) === 0 })
      const after = world.position
      await world.open({ reattachMs: 600_000 })
      for (const { hctl } of others) await world.add(world.unit, hctl)
      await world.pass(1_000)
      const root = { kind: 'engine' } as const
      return [pathOf(lost), headOf(lost)].map((target) => ({
        target,
        root,
        after,
        layer: 'host',
        never: NOT_BROKEN,
      }))
    },
  },
  {
    name: 'never-attached-again',
    run: async (world) => {
      await oneUnit(world)
      const lost = world.one(...world.paths)
      const others = world.paths.filter((path) => path !== lost)
      world.crash()
      const after = world.position
      await world.open({ reattachMs: 5_000 })
      for (const { hctl } of others) await world.add(world.unit, hctl)
      await world.pass(10_000)
      const root = { kind: 'engine' } as const
      return [{ target: pathOf(lost), root, after, layer: 'host', never: NOT_BROKEN }]
    },
  },
  {
    name: 'ledger-full-for-a-while',
    run: async (world) => {
      const disk = { full: false }
      await oneUnit(world, { store: (inner) => fullAtTimes(inner, disk) })
      await world.pass(2_000)
      const after = world.position
      disk.full = true
      await world.io(world.unit, 5)
      await world.pass(3_000)
      disk.full = false
      await world.pass(3_000)
      const root = { kind: 'ledger' } as const
      return [{ target: headOf(world.path(0)), root, after, layer: 'ledger', never: NOT_BROKEN }]
    },
  },
  {
    name: 'ledger-full-under-a-failure',
    run: async (world) => {
      const disk = { full: false }
      await oneUnit(
        world,
        { iopolicy: 'round-robin', ledgerStallMs: 60_000, store: (inner) => fullAtTimes(inner, disk) },
        2,
      )
      const after = world.position
      world.met.length = 0
      disk.full = true
      world.fail([world.path(0)], { errno: 'ENOLINK' })
      const sent = [0, 1, 2].map((at) =>
        world.head(world.unit).write({ offset: at * 512, data: new Uint8Array(512) }),
      )
      sent.forEach((one) => void one.catch(() => undefined))
      await world.pass(3_000)
      disk.full = false
      await world.pass(1_000)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[0])
      return [{ target: pathOf(world.path(0)), root, after, layer: 'path', comesBack: true }]
    },
  },
  {
    name: 'names-of-its-time',
    run: async (world) => {
      await world.open({ iopolicy: 'round-robin', checker: { minMs: 60_000, maxMs: 60_000 } })
      const luns = [world.lun(), world.lun()] as const
      for (const [at, lun] of luns.entries())
        for (const host of [8, 9]) await world.add(lun, `${host}:0:0:${at}`)
      const failed = world.path(0)
      const after = world.position
      world.fail([failed], { errno: 'ENOLINK' })
      await world.io(luns[0], 4)
      const then = world.position
      const root = evidenceOf(world.firstMet, PATH_ERRORS[0])
      await world.closeAndKeep()
      await world.open({ iopolicy: 'round-robin' })
      for (const at of [1, 0] as const)
        for (const host of [8, 9]) await world.add(luns[at], `${host}:0:0:${at}`)
      await world.pass(1_000)
      const asked: Asked[] = [
        {
          target: pathOf(failed),
          position: then,
          root,
          after,
          layer: 'path',
          says: [/^sda:0 has failed/],
          never: [/\bsdb(:\d)? (has )?(failed|answered)/],
        },
      ]
      // Now it is called otherwise.
      return [
        ...asked,
        { target: headOf(failed), root, after, layer: 'path', says: [/^sdb serves/, /^sda:0 failed/] },
      ]
    },
  },
  {
    name: 'nothing-is-wrong',
    run: async (world) => {
      await world.open({ iopolicy: world.one('round-robin', 'numa') })
      const lun = world.lun()
      for (const hctl of ['8:0:0:0', '9:0:0:0']) await world.add(lun, hctl)
      await world.io(lun, 10)
      await world.pass(5_000)
      const root = { kind: 'nothing' } as const
      return [pathOf(world.path(0)), headOf(world.path(0))].map((target) => ({
        target,
        root,
        layer: 'none',
      }))
    },
  },
]

/** A ledger on a disk that is full at times. */
function fullAtTimes(inner: MemoryStore, disk: { full: boolean }): LedgerStore {
  return {
    ...inner,
    append: async (append) => {
      if (!disk.full) return inner.append(append)
      throw new PathledgerError('LEDGER_FULL', {
        message: 'There is no space.',
        why: 'The disk is full.',
        todo: 'Make room.',
      })
    },
  }
}
