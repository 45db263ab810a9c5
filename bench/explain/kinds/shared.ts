// Incidents of more than one path: an adapter, a controller, a logical unit, everything; and what the target says.
import { evidenceOf, headOf, PATH_ERRORS, pathOf, TIMEOUT, type Asked, type Kind } from '../ask.ts'
import { there, type World, type WorldPath } from '../world.ts'

/** Two units, each by two adapters to two controllers. */
async function array(world: World, { grouped = true, units = 2, final = true } = {}): Promise<void> {
  await world.open({
    iopolicy: 'round-robin',
    attemptTimeoutMs: 1_000,
    probeTimeoutMs: 300,
    checker: { minMs: 5_000, maxMs: 60_000 },
  })
  for (let unit = 0; unit < units; unit += 1) {
    const groups = [0, 1].map((id) => ({ id: id + 1, paths: [`8:0:${id}:${unit}`, `9:0:${id}:${unit}`] }))
    const lun = world.lun(grouped ? groups : undefined)
    for (const hctl of ['8:0:0:', '8:0:1:', '9:0:0:', '9:0:1:'])
      await world.add(lun, `${hctl}${unit}`, { errorsAreFinal: final })
  }
  for (const lun of world.luns) await world.io(lun, 8)
  await world.pass(30_000)
  world.met.length = 0
}

const all = async (world: World, count: number, op: 'read' | 'any' = 'any'): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) for (const lun of world.luns) await world.io(lun, 1, op)
}

function asked(
  world: World,
  paths: readonly WorldPath[],
  after: number,
  layer: Asked['layer'],
  never: readonly RegExp[],
  error: { readonly errno: string; readonly status: string },
): Asked[] {
  const path = world.one(...paths)
  const met = world.met.filter(({ probe }) => !probe)
  const own = met.find(({ hctl, wwid }) => hctl === path.hctl && wwid === path.wwid)
  const head = met.find(({ wwid }) => wwid === path.wwid)
  return [
    { target: pathOf(path), root: evidenceOf(there(own), error), after, layer, never, comesBack: true },
    { target: headOf(path), root: evidenceOf(there(head), error), after, layer, never },
  ]
}

const NOT_ADAPTER = [/adapter first/, /Left open: the adapter, its cable/]
const NOT_TARGET = [/controller of the array first/]

function shared(
  name: string,
  layer: Asked['layer'],
  pick: (world: World) => WorldPath[],
  never: readonly RegExp[],
  options: Parameters<typeof array>[1] = {},
): Kind {
  return {
    name,
    run: async (world) => {
      await array(world, options)
      const paths = pick(world)
      const after = world.position
      const error = PATH_ERRORS[world.pick(2)] ?? PATH_ERRORS[0]
      world.fail(paths, { errno: error.errno })
      await all(world, 8)
      await world.pass(1_000)
      return asked(world, paths, after, layer, never, error)
    },
  }
}

function hangs(
  name: string,
  layer: Asked['layer'],
  pick: (world: World) => WorldPath[],
  never: readonly RegExp[],
): Kind {
  return {
    name,
    run: async (world) => {
      await array(world, { final: false })
      const paths = pick(world)
      const after = world.position
      for (const { hang } of paths) hang.enable()
      // All at once: what hangs holds its callers up.
      const sent = world.luns.flatMap((lun) =>
        Array.from({ length: 8 }, (_none, at) => world.head(lun).read({ offset: at * 512, length: 512 })),
      )
      await world.drive(Promise.allSettled(sent))
      await world.pass(2_000)
      const first = asked(world, paths, after, layer, never, TIMEOUT).slice(0, 1)
      for (const { hang } of paths) hang.drop('EIO')
      return first.map(({ comesBack: _comesBack, ...one }) => one)
    },
  }
}

const ofAdapter = (world: World) => world.paths.filter(({ hctl }) => hctl.startsWith('8:'))
const ofTarget = (world: World) => world.paths.filter(({ hctl }) => hctl.split(':')[2] === '1')

export const SHARED_KINDS: readonly Kind[] = [
  shared('adapter', 'adapter', ofAdapter, NOT_TARGET),
  shared('adapter-of-one-unit-that-is-busy', 'adapter', ofAdapter, NOT_TARGET, { units: 1 }),
  shared('controller', 'target', ofTarget, NOT_ADAPTER),
  shared('controller-without-groups', 'target', ofTarget, NOT_ADAPTER, { grouped: false }),
  shared('everything', 'host', (world) => [...world.paths], [...NOT_ADAPTER, ...NOT_TARGET]),
  shared(
    'one-unit',
    'target',
    (world) => world.paths.filter(({ wwid }) => wwid === world.unit.wwid),
    NOT_ADAPTER,
  ),
  hangs('adapter-hangs', 'adapter', ofAdapter, NOT_TARGET),
  hangs('controller-hangs', 'target', ofTarget, NOT_ADAPTER),
  {
    name: 'far-apart-by-the-monotonic-clock',
    run: async (world) => {
      await array(world, { units: 1, grouped: false })
      const paths = ofAdapter(world)
      const [first, second] = paths as [WorldPath, WorldPath]
      world.fail([first], { errno: 'ENOLINK' })
      await all(world, 8)
      await world.pass(3_600_000)
      // The wall clock is set back: it shows the same time again.
      world.clock.stepWall(-3_600_000_000)
      world.met.length = 0
      const after = world.position
      world.fail([second], { errno: 'ENOLINK' })
      await all(world, 8)
      const root = evidenceOf(world.firstMet, PATH_ERRORS[0])
      return [
        { target: pathOf(second), root, after, layer: 'path', never: [/within two seconds/, ...NOT_ADAPTER] },
      ]
    },
  },
  ...(['standby', 'unavailable', 'transitioning'] as const).map((access): Kind => ({
    name: `access-${access}`,
    run: async (world) => {
      await array(world, { grouped: false, units: 1 })
      const path = world.one(...world.paths)
      const after = world.position
      world.live(path).setAccessState(access, { why: 'target port group 2' })
      await world.pass(100)
      const root = { kind: 'accessState', path: path.hctl } as const
      return [pathOf(path), headOf(path)].map((target) => ({
        target,
        root,
        after,
        layer: 'target',
        never: [...NOT_ADAPTER, /This was wanted/],
        comesBack: false,
      }))
    },
  })),
  {
    name: 'no-group-is-usable',
    run: async (world) => {
      await array(world, { grouped: false, units: 1 })
      const after = world.position
      for (const path of world.paths)
        world.live(path).setAccessState('unavailable', { why: 'target port groups' })
      await world.pass(100)
      const root = { kind: 'accessState' } as const
      return [{ target: headOf(world.path(0)), root, after, layer: 'target', never: [/This was wanted/] }]
    },
  },
]
