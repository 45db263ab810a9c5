// Errors of the logical unit or its target, ghosts, and single I/Os that were traced.
import {
  evidenceOf,
  headOf,
  LUN_ERRORS,
  oneUnit,
  PATH_ERRORS,
  pathOf,
  TIMEOUT,
  type Asked,
  type Kind,
} from '../ask.ts'
import type { World } from '../world.ts'

/** Number of the last I/O that was traced. */
function lastIo(world: World): number {
  const row = world.rows().findLast(({ type }) => type === 'head.ioTraced')
  return (JSON.parse(row?.data ?? '{"bio":0}') as { bio: number }).bio
}

const NO_PATH = [
  /cable/,
  /came under suspicion/,
  /adapter first/,
  /brings it back/,
  /This was wanted/,
  /sent again/,
  /elsewhere on/,
]
const AT = 40_960

export const UNIT_KINDS: readonly Kind[] = [
  ...LUN_ERRORS.flatMap(({ errno, status, layer }): Kind[] => [
    {
      name: `unit-${status}`,
      run: async (world) => {
        await oneUnit(world)
        const after = world.position
        const op = status === 'NOSPC' ? 'write' : world.one('read', 'write')
        world.fail(world.paths, { errno, op, range: { offset: AT, length: 4096 } })
        await world.one_(world.unit, op, AT)
        await world.pass(500)
        const root = { ...evidenceOf(world.firstMet, { errno, status }), kind: 'lunError' } as const
        const asked = { root, after, layer, never: NO_PATH } as const
        return [
          { ...asked, target: headOf(world.path(0)) },
          { ...asked, target: { io: lastIo(world) } },
        ]
      },
    },
  ]),
  {
    name: 'unit-refused-by-every-path',
    run: async (world) => {
      await oneUnit(world)
      const after = world.position
      const op = world.one('read', 'write')
      world.fail(world.paths, { errno: 'EIO', op, range: { offset: AT, length: 512 } })
      await world.one_(world.unit, op, AT)
      await world.pass(500)
      const root = { ...evidenceOf(world.firstMet, PATH_ERRORS[1]), kind: 'lunError' } as const
      const never = [/cable/, /brings it back/, /This was wanted/]
      const { path: _path, ...anyPath } = root
      return [
        { target: headOf(world.path(0)), root: anyPath, after, layer: 'medium', never },
        { target: { io: lastIo(world) }, root: anyPath, after, layer: 'medium', never },
      ]
    },
  },
  {
    name: 'flush-lost',
    run: async (world) => {
      await oneUnit(world)
      await world.io(world.unit, 2, 'write')
      const after = world.position
      world.fail(world.paths, { errno: 'EIO', op: 'flush' })
      await world.one_(world.unit, 'flush')
      await world.pass(500)
      const root = { kind: 'lunError', op: 'flush', errno: 'EIO' } as const
      const never = [/brings it back/, /adapter first/, /This was wanted/]
      return [headOf(world.path(0)), { io: lastIo(world) }].map((target) => ({
        target,
        root,
        after,
        layer: 'medium',
        never,
      }))
    },
  },
  {
    name: 'io-of-this-incident',
    run: async (world) => {
      await oneUnit(world, { iopolicy: 'round-robin', checker: { minMs: 50, maxMs: 100 } })
      const path = world.path(0)
      const asked: Asked[] = []
      for (const error of [PATH_ERRORS[0], PATH_ERRORS[1]]) {
        const after = world.position
        world.met.length = 0
        world.fail([path], { errno: error.errno })
        for (let turn = 0; turn < 6 && world.met.length === 0; turn += 1) await world.io(world.unit, 1)
        const io = lastIo(world)
        await world.pass(50)
        world.heal([path])
        await world.pass(3_000)
        asked.push({
          target: { io },
          root: evidenceOf(world.firstMet, error),
          after,
          layer: 'path',
          never: [/bad block/, /This was wanted/],
        })
      }
      return asked
    },
  },
  {
    name: 'io-not-answered-in-time',
    run: async (world) => {
      await world.open({ attemptTimeoutMs: 1_000, probeTimeoutMs: 500, iopolicy: 'numa' })
      const lun = world.lun()
      for (const hctl of ['8:0:0:0', '9:0:0:0']) await world.add(lun, hctl, { errorsAreFinal: false })
      await world.io(lun, 3)
      const after = world.position
      for (const { hang } of world.paths.slice(0, 1)) hang.enable()
      await world.io(lun, 1, 'read')
      const root = evidenceOf(world.firstMet, TIMEOUT)
      const asked: Asked[] = [
        { target: { io: lastIo(world) }, root, after, layer: 'path', says: [/Chosen by numa/] },
      ]
      world.path(0).hang.drop('EIO')
      return asked
    },
  },
  {
    name: 'io-without-a-path',
    run: async (world) => {
      await oneUnit(world, {}, 2)
      const after = world.position
      const error = PATH_ERRORS[0]
      world.fail(world.paths, { errno: error.errno })
      await world.io(world.unit, 1)
      await world.pass(500)
      await world.io(world.unit, 1)
      const io = lastIo(world)
      const {
        op: _op,
        offset: _offset,
        length: _length,
        path: _path,
        ...root
      } = evidenceOf(world.firstMet, error)
      return [{ target: { io }, root, after, layer: 'host', never: [/bad block/, /This was wanted/] }]
    },
  },
  {
    name: 'io-slow-under-every-limit',
    run: async (world) => {
      await oneUnit(world, { iopolicy: 'round-robin' }, 2)
      await world.pass(5_000)
      await world.io(world.unit, 20)
      const after = world.position
      const path = world.one(...world.paths)
      path.delay.enable({ delayUs: 800_000 })
      let io = 0
      for (let turn = 0; turn < 4 && io === 0; turn += 1) {
        const startedUs = world.clock.monoUs()
        await world.io(world.unit, 1)
        if (world.clock.monoUs() - startedUs > 500_000) io = lastIo(world)
      }
      const root = { kind: 'slow', path: path.hctl, errno: null } as const
      return [{ target: { io }, root, after, layer: 'path', never: [/failed: /, /Nothing has to be done/] }]
    },
  },
  {
    name: 'short-hang-under-every-limit',
    run: async (world) => {
      await oneUnit(world, { iopolicy: 'round-robin' }, 2)
      await world.io(world.unit, 20)
      await world.pass(5_000)
      const after = world.position
      const path = world.one(...world.paths)
      path.hang.enable()
      const sent = Array.from({ length: 4 }, (_none, at) =>
        world.head(world.unit).read({ offset: at * 512, length: 512 }),
      )
      await world.pass(1_500)
      path.hang.disable()
      await world.drive(Promise.all(sent))
      await world.pass(1_000)
      const root = { kind: 'slow', path: path.hctl, errno: null } as const
      return [{ target: pathOf(path), root, after, layer: 'path', never: [/failed: /] }]
    },
  },
  {
    name: 'ghost-holds-a-write',
    run: async (world) => {
      await world.open({
        attemptTimeoutMs: 500,
        probeTimeoutMs: 300,
        iopolicy: 'round-robin',
        ghostQuiesceMs: 0,
        ghostHoldMaxMs: 60_000,
      })
      const lun = world.lun()
      for (const hctl of ['8:0:0:0', '9:0:0:0', '10:0:0:0'])
        await world.add(lun, hctl, { errorsAreFinal: false })
      await world.io(lun, 3)
      const after = world.position
      const path = world.path(0)
      path.hang.enable({ op: 'write' })
      for (let turn = 0; turn < 6 && world.met.length === 0; turn += 1) await world.one_(lun, 'write', AT)
      const held = world.head(lun).write({ offset: AT, data: new Uint8Array(512) })
      held.catch(() => undefined)
      await world.pass(3_000)
      const met = world.firstMet
      const root = {
        kind: 'ghost',
        op: 'write',
        offset: met.offset,
        length: met.length,
        path: path.hctl,
      } as const
      const asked: Asked[] = [
        {
          target: headOf(path),
          root,
          after,
          layer: 'path',
          never: [/Nothing has to be done/],
          says: [/1 attempt on/],
        },
      ]
      path.hang.drop('EIO')
      await world.pass(100)
      return asked
    },
  },
  {
    name: 'reservation-conflict',
    run: async (world) => {
      await oneUnit(world, {}, 2)
      const after = world.position
      world.fail(world.paths, { errno: 'EBADE' })
      await world.io(world.unit, 1)
      await world.pass(200)
      const root = {
        ...evidenceOf(world.firstMet, { errno: 'EBADE', status: 'RESV_CONFLICT' }),
        kind: 'lunError',
      } as const
      return [
        {
          target: headOf(world.path(0)),
          root,
          after,
          layer: 'target',
          never: NO_PATH,
          says: [/audit reservations/],
        },
      ]
    },
  },
]
