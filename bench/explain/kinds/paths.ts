// Incidents of one path.
import {
  evidenceOf,
  headOf,
  meet,
  NO_OTHER,
  oneUnit,
  PATH_ERRORS,
  pathOf,
  TIMEOUT,
  victim,
  type Asked,
  type Kind,
} from '../ask.ts'

function alone(error: { errno: string; status: string }, name: string): Kind {
  return {
    name,
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      const after = world.position
      world.fail([path], { errno: error.errno })
      await meet(world, path)
      await world.pass(500 + world.pick(4_000))
      const root = evidenceOf(world.firstMet, error)
      const asked = { root, after, layer: 'path', never: NO_OTHER } as const
      return [
        { ...asked, target: pathOf(path), comesBack: true },
        { ...asked, target: headOf(path) },
      ]
    },
  }
}

const hung = (op: 'read' | 'write'): Kind => ({
  name: `path-hangs-${op}`,
  run: async (world) => {
    await world.open({ iopolicy: 'round-robin', attemptTimeoutMs: 2_000, probeTimeoutMs: 1_000 })
    const lun = world.lun()
    for (const hctl of ['8:0:0:0', '9:0:0:0', '10:0:0:0'])
      await world.add(lun, hctl, { errorsAreFinal: false })
    await world.io(lun, 6)
    const path = victim(world)
    const after = world.position
    path.hang.enable()
    await meet(world, path, op)
    await world.pass(4_000)
    // A read is tried elsewhere once its path is silent, and meets no limit; a write keeps to its own.
    const { op: had, offset, length } = world.firstMet
    const silent = { kind: 'silent', op: had, offset, length, path: path.hctl, errno: null } as const
    const root = op === 'read' ? silent : evidenceOf(world.firstMet, TIMEOUT)
    const asked: Asked[] = [
      {
        target: pathOf(path),
        root,
        after,
        layer: 'path',
        never: NO_OTHER,
        says: [/hangs rather than fails/],
      },
    ]
    path.hang.drop('EIO')
    return asked
  },
})

export const PATH_KINDS: readonly Kind[] = [
  ...PATH_ERRORS.map((error) => alone(error, `path-${error.errno}`)),
  hung('read'),
  hung('write'),
  {
    name: 'path-refuses-writes',
    run: async (world) => {
      await oneUnit(world, { failThreshold: 3 })
      const path = victim(world)
      const after = world.position
      world.fail([path], { errno: 'EIO', op: 'write' })
      world.head(world.unit).setIoPolicy('round-robin')
      await world.io(world.unit, 24, 'write')
      const root = { kind: 'pathError', errno: 'EIO', op: 'write', path: path.hctl } as const
      return [
        {
          target: pathOf(path),
          root,
          after,
          layer: 'path',
          never: [...NO_OTHER, /a probe elsewhere on it failed too/],
        },
      ]
    },
  },
  {
    name: 'path-was-back',
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      const after = world.position
      world.fail([path], { errno: 'ENOLINK' })
      await meet(world, path)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[0])
      world.heal([path])
      await world.pass(90_000)
      const never = [...NO_OTHER, /has failed\./, /brings it back by itself/]
      return [{ target: pathOf(path), root, after, layer: 'path', never, says: [/is well now/] }]
    },
  },
  {
    name: 'path-one-error',
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      const after = world.position
      world.fail([path], { errno: 'EIO', count: 1, op: world.one('read', 'write') })
      await meet(world, path)
      await meet(world, path, 'read')
      await meet(world, path, 'write')
      await world.pass(1_000)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[1])
      return [{ target: pathOf(path), root, after, layer: 'path', never: [...NO_OTHER, /brings it back/] }]
    },
  },
  {
    name: 'path-error-with-nowhere-to-go',
    run: async (world) => {
      await world.open({ noPathRetry: 'queue' })
      const path = await world.add(world.lun(), '8:0:0:0')
      await world.io(world.unit, 3)
      const after = world.position
      world.fail([path], { errno: 'EIO', count: 1, op: 'write' })
      await world.io(world.unit, 1, 'write')
      await world.pass(500)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[1])
      return [{ target: pathOf(path), root, after, layer: 'path', never: [/went elsewhere/, /sent again/] }]
    },
  },
  {
    name: 'path-flaps',
    run: async (world) => {
      await oneUnit(world)
      const path = victim(world)
      for (let turn = 0; turn < 3; turn += 1) {
        world.met.length = 0
        world.fail([path], { errno: 'ENOLINK' })
        await meet(world, path)
        await world.pass(200)
        if (turn === 2) break
        world.heal([path])
        await world.pass(20_000)
      }
      const root = evidenceOf(world.firstMet, PATH_ERRORS[0])
      const lastFall = world
        .rows()
        .findLast(({ type, stream }) => type === 'path.failed' && stream === path.stream)
      const after = (lastFall?.position ?? 0) - 20
      return [
        {
          target: pathOf(path),
          root,
          after,
          layer: 'path',
          never: NO_OTHER,
          says: [/3 times within/],
          comesBack: true,
        },
      ]
    },
  },
]
